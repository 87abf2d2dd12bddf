#!lua
-- Counts a name among those of a kind that there may be so many of, once.
--
-- KEYS[1]  the names that count (hash: name -> what is kept with it)
-- ARGV[1]  the name
-- ARGV[2]  how many names there may be
-- ARGV[3]  the quota, for the error
-- ARGV[4]  1 when ARGV tells all names that count where nobody has counted yet, else 0
-- ARGV[5]  what is kept with the name when it is new
-- ARGV[n]  from 6 on: these names
--
-- Returns 2 when the name is new, 1 when it counted before, 0 when nobody has counted yet and ARGV[4] is 0.
-- Errors  QUOTA_EXCEEDED <quota> <limit> <used>: there are as many as there may be; the name does not count
-- Cost: O(1) for each name, of as many as the quota allows
-- Atomic  because of two names that come together only as many may count as there may be.
-- Twice   the second run finds the name.
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
