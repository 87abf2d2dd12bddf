#!lua
-- Appends to a partition of scores that a player is erased, and has it take nothing more of the player.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  players who are being erased (hash: player -> the event that erases)
-- KEYS[3]  what erases (hash: epoch, ...)
-- KEYS[4]  the gate (string: moving or closed, and by whom)
-- ARGV[1]  the epoch of who erases
-- ARGV[2]  the player
-- ARGV[3]  the packed event
--
-- Returns the id of the event that erases the player here
-- Errors  LOG_CLOSED: the log is being moved, or was; nothing was done
--         ERASER_REPLACED <by whom>: a later one erases; nothing was done
-- Atomic  because the event must be the last of the player.
-- Twice   the second run finds that the player is being erased, and appends nothing.
if string.sub(redis.call('GET', KEYS[4]) or '', 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
local epoch = tonumber(redis.call('HGET', KEYS[3], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end
local known = redis.call('HGET', KEYS[2], ARGV[2])
if known then return known end
local id = redis.call('XADD', KEYS[1], '*', 'e', ARGV[3])
redis.call('HSET', KEYS[2], ARGV[2], id)
return id
