#!lua flags=no-writes
-- Describes a partition of the log, and how far its consumer groups are.
--
-- KEYS[1]  the partition's stream
--
-- Returns {milliseconds since 1970, entries, bytes or nothing, first id or nothing, last id or nothing,
--          {{group, lag or nothing, pending entries, oldest pending id or nothing,
--            {{consumer, pending entries, milliseconds idle}, ...}}, ...}}
-- Cost: O(n) for n consumers, which are some dozens; groups without a lag add 1,000 events.
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
if redis.call('EXISTS', stream) == 0 then return { now, 0, false, false, false, {} } end

-- Redis cannot tell where the last delivered event, or one after it, is deleted, as those of erased players are.
local LOOK = 1000
local function lag_behind(id)
  local behind = #redis.call('XRANGE', stream, '(' .. id, '+', 'COUNT', LOOK)
  return behind < LOOK and behind
end

local groups = {}
for i, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local info = fields(flat)
  local name = info['name']
  local oldest = redis.call('XPENDING', stream, name)[2]
  groups[i] = { name, info['lag'] or lag_behind(info['last-delivered-id']), info['pending'], oldest or false, consumers_of(name) }
end
local info = fields(redis.call('XINFO', 'STREAM', stream))
local first, last = info['first-entry'], info['last-entry']
return {
  now,
  info['length'],
  redis.call('MEMORY', 'USAGE', stream),
  first and first[1],
  last and last[1],
  groups,
}
