#!lua flags=no-writes
-- Tells which events have been applied by all of the given consumer groups.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  players who are being erased (hash: player -> the erasing event, ...)
-- KEYS[n]  from 3 on: the skipped events of each group (hash: event id -> reason)
-- ARGV[1]  JSON list of group names
-- ARGV[2]  JSON list of event ids; with a leading ~, all events up to that id
--
-- Returns a string with one character per event: 1 if all groups have applied it, else 0.
--         A dead letter has not been applied; it is ignored among all events up to an id.
--         An erasing event has been applied when all partitions have erased the player.
-- Cost: O(log n) for each of at most 250 events and each group; during an erasure also O(bytes) of the applied events
-- Atomic  because an event could be delivered between reading the group's position and its pending events
-- Twice   reads only
local stream, groups = KEYS[1], cjson.decode(ARGV[1])

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function after(a, b)
  local a_ms, a_seq = parse(a)
  local b_ms, b_seq = parse(b)
  return a_ms > b_ms or (a_ms == b_ms and a_seq > b_seq)
end

local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local delivered, last = {}, '0-0'
if redis.call('EXISTS', stream) == 1 then
  last = fields(redis.call('XINFO', 'STREAM', stream))['last-generated-id']
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local group = fields(info)
    delivered[group['name']] = group['last-delivered-id']
  end
end

local function nothing_pending(group, from, to) return #redis.call('XPENDING', stream, group, from, to, 1) == 0 end

-- Erasures are rare. An erasing event has the player as its last value.
local is_anybody_erased = redis.call('EXISTS', KEYS[2]) == 1
local function is_erasing(id)
  local entry = is_anybody_erased and redis.call('XRANGE', stream, id, id)[1]
  local player = entry and string.match(fields(entry[2])['e'] or '', '^%["[ez]1",.*"([^"]*)"%]$')
  return player and redis.call('HGET', KEYS[2], player) == id
end

local function has_taken_effect(group, skipped, id)
  if not delivered[group] then return false end
  local limit = string.match(id, '^~(.+)')
  if limit then
    local goal = after(limit, last) and last or limit
    return not after(goal, delivered[group]) and nothing_pending(group, '-', limit)
  end
  return not after(id, delivered[group]) and nothing_pending(group, id, id) and redis.call('HEXISTS', skipped, id) == 0
end

local answer = {}
for i, id in ipairs(cjson.decode(ARGV[2])) do
  answer[i] = '1'
  for n, group in ipairs(groups) do
    if not has_taken_effect(group, KEYS[n + 2], id) then answer[i] = '0' end
  end
  if answer[i] == '1' and string.sub(id, 1, 1) ~= '~' and is_erasing(id) then answer[i] = '0' end
end
return table.concat(answer)
