#!lua
-- Renews or ends the lease of a repartition.
--
-- KEYS[1]  the topology (hash)
-- ARGV[1]  the name of the attempt
-- ARGV[2]  the new length of the lease in milliseconds; 0 ends it; -1 ends it only if it has expired
--
-- Returns 1, or 0 if another attempt is running or the lease has not expired: nothing was done
-- Cost: O(1)
-- Atomic  because another attempt could begin between the check and the write
-- Twice   the lease is renewed again; once ended, it stays ended
local now = redis.call('TIME')
local now_ms = now[1] * 1000 + math.floor(now[2] / 1000)
local attempt, until_ms = string.match(redis.call('HGET', KEYS[1], 'moving') or '', '^(%S+) (%d+)$')
if attempt ~= ARGV[1] then return 0 end
if ARGV[2] == '-1' and tonumber(until_ms) > now_ms then return 0 end
if tonumber(ARGV[2]) > 0 then
  redis.call('HSET', KEYS[1], 'moving', string.format('%s %d', ARGV[1], now_ms + ARGV[2]))
else
  redis.call('HDEL', KEYS[1], 'moving')
end
return 1
