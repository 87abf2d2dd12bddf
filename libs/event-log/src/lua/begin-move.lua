#!lua
-- Begins to cut streams anew, or takes the place of one who began and is silent.
--
-- KEYS[1]  how the streams are cut (hash)
-- ARGV[1]  names the attempt
-- ARGV[2]  milliseconds for which it need not be heard of
-- ARGV[n]  from 3 on: the streams
--
-- Returns for each of the streams the epoch that the attempt is to make: a number that nobody made before
-- Errors  MOVE_ACTIVE: another attempt is under way
-- Cost: O(1) for each stream, of two.
-- Atomic  because there is one attempt at a time.
-- Twice   the second run gets further epochs.
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
