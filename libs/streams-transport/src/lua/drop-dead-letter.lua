#!lua
-- Gives a dead letter up for good: its event stays in the log and stays without effect.
--
-- KEYS[1]  the group's dead-letter stream
-- KEYS[2]  the group's skipped events (hash: event id -> reason)
-- KEYS[3]  players who are being erased (hash: player -> the event that erases, ...)
-- ARGV[1]  the dead letter's id
--
-- Returns the event id, or nothing when there is no such dead letter
-- Errors  BEING_ERASED <text>: it is what erases a player, who would stay; nothing was done
-- Cost: O(log n), and O(n) for n players who are being erased, which are some thousand at most.
-- Atomic  because an event without effect must be a dead letter or dropped: a retry under way must meet one of them.
-- Twice   the second run finds no dead letter.
local letter = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not letter then return false end
local fields = letter[2]
local id
for i = 1, #fields, 2 do
  if fields[i] == 'id' then id = fields[i + 1] end
end
for _, event in ipairs(redis.call('HVALS', KEYS[3])) do
  if event == id then
    return redis.error_reply('BEING_ERASED without this event a player would never be erased: retry it')
  end
end
redis.call('HSET', KEYS[2], id, 'dropped')
redis.call('XDEL', KEYS[1], ARGV[1])
return id
