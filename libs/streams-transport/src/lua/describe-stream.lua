#!lua flags=no-writes
-- Describes a partition of the log and the progress of its consumer groups.
--
-- KEYS[1]  the partition's stream
-- KEYS[n]  from 2 on: the workers of each group in ARGV (sorted set: consumer, by the time of its heartbeat in milliseconds)
-- ARGV[n]  names of consumer groups
--
-- Returns {milliseconds since 1970, entries, bytes or nil, first id or nil, last id or nil, last generated id,
--          {{group, lag or nil, last delivered id, lag reported by Redis or nil, pending entries, oldest pending id or nil,
--            {{consumer, pending entries, idle milliseconds}, ...}, {{worker, milliseconds since its heartbeat}, ...}},
--           ...}}
--         The lag is 0, or nil when the caller has to count it: see count-behind.
-- Cost: O(n) for n consumers and workers, usually fewer than 100, plus the bytes of the first and the last entry.
-- Atomic  because a group could be removed between listing the groups and querying each one.
-- Twice   it only reads.
local stream = KEYS[1]

local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local function consumers_of(group)
  local list = {}
  for i, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    local info = fields(flat)
    list[i] = { info['name'], info['pending'], info['idle'] }
  end
  return list
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('EXISTS', stream) == 0 then return { now, 0, false, false, false, '0-0', {} } end

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local function is_behind(id, other)
  local ms, seq = parse(id)
  local other_ms, other_seq = parse(other)
  return ms < other_ms or (ms == other_ms and seq < other_seq)
end

local workers = {}
for i, group in ipairs(ARGV) do
  local flat, list = redis.call('ZRANGE', KEYS[i + 1], 0, 999, 'WITHSCORES'), {}
  for k = 1, #flat, 2 do list[#list + 1] = { flat[k], math.max(0, now - tonumber(flat[k + 1])) } end
  workers[group] = list
end

local info = fields(redis.call('XINFO', 'STREAM', stream))
local first, last = info['first-entry'], info['last-entry']
local groups = {}
for i, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local group = fields(flat)
  local name, delivered = group['name'], group['last-delivered-id']
  local has_all = not last or not is_behind(delivered, last[1])
  local oldest = redis.call('XPENDING', stream, name)[2]
  groups[i] = {
    name, has_all and 0 or false, delivered, group['lag'] or false, group['pending'], oldest or false,
    consumers_of(name), workers[name] or {},
  }
end
return {
  now,
  info['length'],
  redis.call('MEMORY', 'USAGE', stream),
  first and first[1],
  last and last[1],
  info['last-generated-id'],
  groups,
}
