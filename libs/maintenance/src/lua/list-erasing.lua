#!lua
-- Lists the players that a partition must erase, one slice per call, and locks out earlier erasing processes.
--
-- KEYS[1]  players who are being erased (hash: player -> the erasing event, ...)
-- KEYS[2]  erasures (hash: epoch, ...)
-- ARGV[1]  the epoch of the erasing process
-- ARGV[2]  the cursor from the previous call; 0 for the beginning
--
-- Returns {the cursor for the next call, or 0 at the end, {player, its value, player, ...}}; a player can occur twice
-- Errors  ERASER_REPLACED <epoch>: a later process erases; nothing was done
-- Cost: O(1), for about 1,000 players
-- Atomic  because a replaced process must not act on what it has read before
-- Twice   the second run only reads
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end
if epoch < tonumber(ARGV[1]) then redis.call('HSET', KEYS[2], 'epoch', ARGV[1]) end
return redis.call('HSCAN', KEYS[1], ARGV[2], 'COUNT', 1000)
