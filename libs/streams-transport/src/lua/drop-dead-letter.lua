#!lua
-- Drops a dead letter. Its event stays in the log and never takes effect.
--
-- KEYS[1]  the group's dead-letter stream
-- KEYS[2]  the group's skipped events (hash: event id -> reason)
-- KEYS[3]  players who are being erased (hash: player -> id of the erasing event, ...)
-- ARGV[1]  the dead letter's id
--
-- Returns the event id, or nil when there is no such dead letter
-- Errors  BEING_ERASED <text>: the event erases a player, and dropping it would keep the player; nothing was changed
-- Cost: O(log n), and O(n) for n players who are being erased, some thousands at most.
-- Atomic  because an event without effect must always be either a dead letter or dropped, also for a concurrent retry.
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
    return redis.error_reply('BEING_ERASED this event erases a player and cannot be dropped: retry it')
  end
end
redis.call('HSET', KEYS[2], id, 'dropped')
redis.call('XDEL', KEYS[1], ARGV[1])
return id
