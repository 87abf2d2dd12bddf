#!lua
-- Lists the players that a partition is to erase, a stretch at a time, for who erases; those who did it before can do nothing
-- more.
--
-- KEYS[1]  players who are being erased (hash: player -> the event that erases, ...)
-- KEYS[2]  what erases (hash: epoch, ...)
-- ARGV[1]  the epoch of who erases
-- ARGV[2]  where to go on, as the call before said; 0 for the beginning
--
-- Returns {where to go on, or 0 when that was all, {players and what is kept of each, in turn}}; a player can come twice
-- Errors  ERASER_REPLACED <by whom>: a later one erases; nothing was done
-- Cost: O(1): about 1,000 players are looked at
-- Atomic  because one that was replaced must not act by what it has read before.
-- Twice   the second run reads only.
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end
if epoch < tonumber(ARGV[1]) then redis.call('HSET', KEYS[2], 'epoch', ARGV[1]) end
return redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 1000)
