#!lua flags=no-writes
-- Describes a partition of the log, and how far its consumer groups are.
--
-- KEYS[1]  the partition's stream
-- KEYS[n]  from 2 on: of each group of ARGV, its workers (sorted set: consumer, by milliseconds of the last sign of life)
-- ARGV[n]  names of groups
--
-- Returns {milliseconds since 1970, entries, bytes or nothing, first id or nothing, last id or nothing, last generated id,
--          {{group, lag or nothing, last delivered id, Redis's own lag or nothing, pending entries, oldest pending id or
--            nothing, {{consumer, pending entries, milliseconds idle}, ...}, {{worker, milliseconds since it said so}, ...}},
--           ...}}
--         The lag is nothing when more has to be counted: see count-behind.
-- Cost: O(n) for n consumers and workers, which are some dozens, and the bytes of the first and the last entry.
-- Atomic  because a group can be removed between asking which there are and asking each of them.
-- Twice   it reads only.
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
