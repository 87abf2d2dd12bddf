#!lua
-- Begins a repartition, or replaces an attempt whose lease has expired.
--
-- KEYS[1]  the topology (hash)
-- ARGV[1]  the name of the attempt
-- ARGV[2]  the length of the lease, in milliseconds
-- ARGV[n]  from 3 on: the streams
--
-- Returns the new log epoch of each stream: a number that was never used
-- Errors  MOVE_ACTIVE: another attempt is running
-- Cost: O(1) per stream, for two
-- Atomic  because only one attempt may run at a time
-- Twice   the second run gets higher epochs
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local attempt, until_ms = string.match(redis.call('HGET', KEYS[1], 'moving') or '', '^(%S+) (%d+)$')
if attempt and attempt ~= ARGV[1] and tonumber(until_ms) > now_ms then return redis.error_reply('MOVE_ACTIVE by ' .. attempt) end

redis.call('HSET', KEYS[1], 'moving', string.format('%s %d', ARGV[1], now_ms + ARGV[2]))
local epochs = {}
for i = 3, #ARGV do
  local known = redis.call('HMGET', KEYS[1], ARGV[i] .. ':epoch', ARGV[i] .. ':built')
  local epoch = math.max(tonumber(known[1] or '1'), tonumber(known[2] or '1')) + 1
  redis.call('HSET', KEYS[1], ARGV[i] .. ':built', string.format('%d', epoch))
  epochs[#epochs + 1] = epoch
end
return epochs
