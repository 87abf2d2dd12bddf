#!lua
-- Says whether there were too many failures, and counts another one.
--
-- KEYS[1]  failures so far (string: a number)
-- ARGV[1]  how many there may be
-- ARGV[2]  milliseconds from the first of them until all are forgotten
-- ARGV[3]  1 counts another failure, 0 only looks
--
-- Returns 0, or when there were as many as there may be the milliseconds until they are forgotten; then none is counted
-- Cost: O(1)
-- Atomic  because of many failures at one time, no more may be let through than there may be.
-- Twice   two failures are counted.
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
  return math.max(redis.call('PTTL', KEYS[1]), 1)
end
if ARGV[3] == '1' and redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
