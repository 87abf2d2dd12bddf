#!lua
-- Raises a barrier at the end of a partition's log: for a short time, the group commits no event after it.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the live generation (hash)
-- KEYS[3]  the build (hash)
-- ARGV[1]  the builder
-- ARGV[2]  milliseconds after which the barrier expires
--
-- Returns the id of the log's last event, or an empty string if another process builds
-- Cost: O(1)
-- Atomic  because an event committed between reading the last id and raising the barrier would be missed
-- Twice   the barrier is raised again
if redis.call('HGET', KEYS[3], 'owner') ~= ARGV[1] then return '' end
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), '0-0'
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then last = info[i + 1] end
end
local now = redis.call('TIME')
local until_ms = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[2])
redis.call('HSET', KEYS[2], 'barrier', string.format('%s %d %s', last, until_ms, ARGV[1]))
return last
