#!lua
-- Tells whether there were too many failures, counts another one, or takes one back.
--
-- KEYS[1]  failures so far (string: a number)
-- ARGV[1]  the most failures
-- ARGV[2]  milliseconds from the first failure until the count expires
-- ARGV[3]  1 counts another failure, 0 only reads, -1 takes one back
--
-- Returns 0, or after too many failures the milliseconds until the count expires; then no failure is counted
-- Cost: O(1)
-- Atomic  because concurrent failures must not exceed the limit.
-- Twice   counts, or takes back, two failures.
if ARGV[3] == '-1' then
  -- A count that has expired must not come back without an end.
  if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('DECR', KEYS[1]) end
  return 0
end
if tonumber(redis.call('GET', KEYS[1]) or '0') >= tonumber(ARGV[1]) then
  return math.max(redis.call('PTTL', KEYS[1]), 1)
end
if ARGV[3] == '1' and redis.call('INCR', KEYS[1]) == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
