#!lua
-- Says that an attempt to cut streams anew is still under way, or that it is not any more.
--
-- KEYS[1]  how the streams are cut (hash)
-- ARGV[1]  names the attempt
-- ARGV[2]  milliseconds for which it need not be heard of; 0 when it is over; -1 when it is over unless it was heard of
--
-- Returns 1, or 0 when that is not the attempt, or was heard of: nothing was done
-- Cost: O(1)
-- Atomic  because another attempt can take its place between looking and writing.
-- Twice   it is held for so long again; once over, it stays over.
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
