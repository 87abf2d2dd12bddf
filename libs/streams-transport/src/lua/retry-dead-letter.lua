#!lua
-- Makes the event of a dead letter pending again, as if it had never been delivered.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's dead-letter stream
-- KEYS[3]  the group's skipped events (hash: event id -> why)
-- KEYS[4]  what is live for the group (hash: revision, acknowledged, ...)
-- KEYS[5]  players who are being erased (hash: player -> the event that erases, ...)
-- ARGV[1]  the consumer group
-- ARGV[2]  the dead letter's id
-- ARGV[3]  the consumer that owns the event until a worker claims it
--
-- Returns {event id, 1} when it is pending again, {event id, 0} when the stream no longer has the event and nothing
--         was done, or an empty list when there is no such dead letter
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was done
--         BEING_ERASED <text>: the event could be about whom, and must not take effect after that; nothing was done
-- Cost: O(log n), and O(n) for n players who are being erased, which are some thousand at most.
-- Atomic  because an event must be pending or a dead letter, never neither and never both.
-- Twice   the second run finds no dead letter.
for i = 3, 4 do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= 'hash' then return redis.error_reply('WRONG_TYPE ' .. kind .. ' hash ' .. KEYS[i]) end
end

local letter = redis.call('XRANGE', KEYS[2], ARGV[2], ARGV[2])[1]
if not letter then return {} end
local fields = letter[2]
local id
for i = 1, #fields, 2 do
  if fields[i] == 'id' then id = fields[i + 1] end
end
if #redis.call('XRANGE', KEYS[1], id, id) == 0 then return { id, 0 } end

-- Without effect, an event that erases somebody would keep them being erased for ever.
local erasing, erases = redis.call('HVALS', KEYS[5]), false
for _, event in ipairs(erasing) do erases = erases or event == id end
if #erasing > 0 and not erases then
  return redis.error_reply('BEING_ERASED a player is being erased, perhaps whom this is about: try again in a moment')
end

-- Delivered last in 1970: long enough ago for any worker to claim it with its next look. The same as an IDLE does
-- not work, for one that reaches back beyond 1970 counts as none.
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, id, 'TIME', 0, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID')

-- It is skipped until it takes effect, which takes the mark away: state that was built without the event reaches
-- beyond it, and the mark is what tells a worker that the event is not in there. Workers remember what is skipped
-- for as long as the revision stays the same.
redis.call('HSET', KEYS[3], id, 'retried')
redis.call('HINCRBY', KEYS[4], 'revision', 1)
-- It is acknowledged once more when it has taken effect.
local count = tonumber(redis.call('HGET', KEYS[4], 'acknowledged') or '0') or 0
redis.call('HSET', KEYS[4], 'acknowledged', string.format('%d', count - 1))
redis.call('XDEL', KEYS[2], ARGV[2])
return { id, 1 }
