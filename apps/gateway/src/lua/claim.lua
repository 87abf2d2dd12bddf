#!lua
-- Counts a name once, under a limit on the number of names.
--
-- KEYS[1]  the counted names (hash: name -> value)
-- ARGV[1]  the name
-- ARGV[2]  the most names
-- ARGV[3]  the name of the quota, for the error
-- ARGV[4]  1 if ARGV[6] and later are the names to start with when KEYS[1] is missing, else 0
-- ARGV[5]  the value of a new name
-- ARGV[n]  from 6 on: the names to start with
--
-- Returns 2 if the name is new, 1 if it was counted before, 0 if KEYS[1] is missing and ARGV[4] is 0
-- Errors  QUOTA_EXCEEDED <quota> <limit> <used>: the limit is reached; the name is not counted
-- Cost: O(1) for each name, of at most the limit
-- Atomic  because two concurrent names must not exceed the limit together.
-- Twice   the second run finds the name, and changes nothing.
if redis.call('EXISTS', KEYS[1]) == 0 then
  if ARGV[4] == '0' then return 0 end
  for i = 6, #ARGV do redis.call('HSET', KEYS[1], ARGV[i], '') end
end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
local used = redis.call('HLEN', KEYS[1])
if used >= tonumber(ARGV[2]) then
  return redis.error_reply('QUOTA_EXCEEDED ' .. ARGV[3] .. ' ' .. ARGV[2] .. ' ' .. used)
end
return redis.call('HSET', KEYS[1], ARGV[1], ARGV[5]) + 1
