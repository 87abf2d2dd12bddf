#!lua
-- Lets a copied partition continue after the last event of the log that it replaces.
--
-- KEYS[1]  the partition's stream
-- ARGV[1]  the last event of all partitions of that log; new events get later ids
-- ARGV[2]  number of entries that were written
-- ARGV[n]  from 3 on: consumer groups, which have applied all entries
--
-- Returns the number of entries in the stream
-- Cost: O(1) per group, for three
-- Atomic  not required, because nobody uses the partition yet
-- Twice   the second run changes nothing
for i = 3, #ARGV do
  local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[i], ARGV[1], 'MKSTREAM', 'ENTRIESREAD', ARGV[2])
  if made.err and not string.find(made.err, 'BUSYGROUP') then return redis.error_reply(made.err) end
end
redis.call('XSETID', KEYS[1], ARGV[1])
return redis.call('XLEN', KEYS[1])
