#!lua
-- Moves an event that cannot be processed to its group's dead letters.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's dead-letter stream
-- KEYS[3]  the group's skipped events (hash: event id -> why)
-- KEYS[4]  what is live for the group (hash: acknowledged, ...)
-- ARGV[1]  the consumer group
-- ARGV[2]  the event id
-- ARGV[n]  from 3 on: fields and values of the dead letter, in turn
--
-- Returns 1 when it was moved, 0 when it was no longer pending
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was done
-- Cost: O(bytes) of the event.
-- Atomic  because an event must be pending or a dead letter, never neither and never both, and a replay must skip
--         what has had no effect. Lua does not roll back, hence types are checked first.
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
