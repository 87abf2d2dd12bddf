#!lua flags=no-writes
-- Tells which events every one of some consumer groups has dealt with.
--
-- KEYS[1]  the partition's stream
-- ARGV[1]  JSON list of group names
-- ARGV[2]  JSON list of event ids
--
-- Returns a string with one character for each event: 1 dealt with by all groups, 0 not yet
-- Atomic   because an event can be delivered between asking "how far?" and asking "what is pending?".
-- Twice    it reads only.
local groups, ids = cjson.decode(ARGV[1]), cjson.decode(ARGV[2])

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local delivered = {}
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = {}
    for i = 1, #info, 2 do group[info[i]] = info[i + 1] end
    delivered[group['name']] = group['last-delivered-id']
  end
end

local function dealt_with(group, id)
  if not delivered[group] then return false end
  local ms, seq = parse(id)
  local last_ms, last_seq = parse(delivered[group])
  if ms > last_ms or (ms == last_ms and seq > last_seq) then return false end
  return #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 0
end

local answer = {}
for i, id in ipairs(ids) do
  answer[i] = '1'
  for _, group in ipairs(groups) do
    if not dealt_with(group, id) then answer[i] = '0' end
  end
end
return table.concat(answer)
