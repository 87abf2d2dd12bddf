#!lua
-- Makes the event of a dead letter pending again, as if it had never been delivered.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's dead-letter stream
-- KEYS[3]  the group's skipped events (hash: event id -> reason)
-- KEYS[4]  the live state of the group (hash: revision, acknowledged, ...)
-- KEYS[5]  players who are being erased (hash: player -> id of the erasing event, ...)
-- KEYS[6]  the archive catalog (hash: floor, ...)
-- ARGV[1]  the consumer group
-- ARGV[2]  the dead letter's id
-- ARGV[3]  the consumer that owns the event until a worker claims it
--
-- Returns {event id, 1} when the event is pending again; {event id, 0} when the log no longer has the event, or {event id, 2}
--         when only the archive has it, and nothing was changed; an empty list when there is no such dead letter
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was changed
--         BEING_ERASED <text>: a player is being erased, and the event might belong to that player; nothing was changed
-- Cost: O(log n), and O(n) for n players who are being erased, some thousands at most.
-- Atomic  because an event must be either pending or a dead letter.
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
local function is_archived()
  local floor = redis.call('HGET', KEYS[6], 'floor')
  if not floor then return false end
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local floor_ms, floor_seq = string.match(floor, '^(%d+)-(%d+)$')
  ms, seq, floor_ms, floor_seq = tonumber(ms), tonumber(seq), tonumber(floor_ms), tonumber(floor_seq)
  return ms < floor_ms or (ms == floor_ms and seq <= floor_seq)
end
-- A group cannot be given an event that its stream does not have.
if #redis.call('XRANGE', KEYS[1], id, id) == 0 then return { id, is_archived() and 2 or 0 } end

-- An event that erases a player can always be retried: without it the erasure would never finish.
local erasing, erases = redis.call('HVALS', KEYS[5]), false
for _, event in ipairs(erasing) do erases = erases or event == id end
if #erasing > 0 and not erases then
  return redis.error_reply('BEING_ERASED a player is being erased, and this event might belong to that player: try again in a moment')
end

-- TIME 0 sets the last delivery to 1970, so that any worker claims the event with its next XAUTOCLAIM. A large IDLE does not
-- work: if it reaches back beyond 1970, Redis ignores it.
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, id, 'TIME', 0, 'RETRYCOUNT', 0, 'FORCE', 'JUSTID')

-- The event stays marked as skipped until it takes effect, which removes the mark. The mark tells a worker that the state,
-- although it reaches beyond the event, does not include it. Workers cache the skipped events until the revision changes.
redis.call('HSET', KEYS[3], id, 'retried')
redis.call('HINCRBY', KEYS[4], 'revision', 1)
-- The event is acknowledged, and counted, again when it takes effect.
local count = tonumber(redis.call('HGET', KEYS[4], 'acknowledged') or '0') or 0
redis.call('HSET', KEYS[4], 'acknowledged', string.format('%d', count - 1))
redis.call('XDEL', KEYS[2], ARGV[2])
return { id, 1 }
