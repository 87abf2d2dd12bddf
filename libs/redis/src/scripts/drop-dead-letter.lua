#!lua
-- Gives a dead letter up for good: its event stays in the log and stays without effect.
--
-- KEYS[1]  the group's dead-letter stream
-- KEYS[2]  the group's skipped events (hash: event id -> why)
-- ARGV[1]  the dead letter's id
--
-- Returns the event id, or nothing when there is no such dead letter
-- Atomic  because an event without effect must be a dead letter or dropped: a retry under way must meet one of them.
-- Twice   the second run finds no dead letter.
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return false end
local fields = letter[2]
local id
for i = 1, #fields, 2 do
  if fields[i] == 'id' then id = fields[i + 1] end
end
redis.call('HSET', KEYS[2], id, 'dropped')
redis.call('XDEL', KEYS[1], ARGV[1])
return id
