#!lua
-- Moves an event that cannot be processed to the dead letters of its group.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's dead-letter stream
-- KEYS[3]  the group's skipped events (hash: event id -> reason)
-- KEYS[4]  the live state of the group (hash: acknowledged, ...)
-- ARGV[1]  the consumer group
-- ARGV[2]  the event id
-- ARGV[n]  from 3 on: alternating fields and values of the dead letter
--
-- Returns 1 when it was moved, 0 when it was no longer pending
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was changed
-- Cost: O(bytes) of the event.
-- Atomic  because an event must be either pending or a dead letter, and a replay must skip events that had no effect. Types
--         are checked first because Lua does not roll back.
-- Twice   the second run finds nothing to acknowledge and does nothing.
for _, check in ipairs({ { KEYS[2], 'stream' }, { KEYS[3], 'hash' } }) do
  local key, expected = unpack(check)
  local actual = redis.call('TYPE', key).ok
  if actual ~= 'none' and actual ~= expected then return redis.error_reply('WRONG_TYPE ' .. actual .. ' ' .. expected .. ' ' .. key) end
end

if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local letter = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('HSET', KEYS[3], ARGV[2], 'dead ' .. letter)
local count = redis.pcall('HGET', KEYS[4], 'acknowledged')
if type(count) ~= 'table' then
  redis.call('HSET', KEYS[4], 'acknowledged', string.format('%d', (tonumber(count or '0') or 0) + 1))
end
return 1
