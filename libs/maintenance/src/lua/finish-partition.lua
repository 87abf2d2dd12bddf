#!lua
-- Has a partition that was made by a replay go on from where the log was that it takes the place of.
--
-- KEYS[1]  the partition's stream
-- ARGV[1]  the last event of all partitions of that log: later events have later ids
-- ARGV[2]  number of entries that were written
-- ARGV[n]  from 3 on: consumer groups, which have all of them
--
-- Returns the number of entries that are there
-- Cost: O(1) for each group, of three.
-- Atomic  need not be: nobody uses the partition yet.
-- Twice   the second run finds all as it should be.
for i = 3, #ARGV do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[i], ARGV[1], 'MKSTREAM', 'ENTRIESREAD', ARGV[2])
  if made.err and not string.find(made.err, 'BUSYGROUP') then return redis.error_reply(made.err) end
end
redis.call('XSETID', KEYS[1], ARGV[1])
return redis.call('XLEN', KEYS[1])
