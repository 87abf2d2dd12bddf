#!lua
-- Moves an event that cannot be processed to its group's dead letters.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's dead-letter stream
-- ARGV[1]  the consumer group
-- ARGV[2]  the event id
-- ARGV[n]  from 3 on: fields and values of the dead letter, in turn
--
-- Returns 1 when it was moved, 0 when it was no longer pending
-- Atomic  because an event must be pending or a dead letter, never neither and never both.
-- Twice   the second run finds nothing to acknowledge and does nothing.
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
return 1
