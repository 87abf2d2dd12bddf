#!lua
-- Notes how far a partition is with a player who is being erased, or that it takes the player's events again.
--
-- KEYS[1]  players who are being erased (hash)
-- ARGV[1]  the player
-- ARGV[2]  what must be kept of the player
-- ARGV[3]  what is kept from now on; empty for nothing
--
-- Returns 1, or 0 when something else is kept: nothing was done
-- Atomic  because the player can be erased once more by others, which is none of this caller's business.
-- Twice   the second run finds something else.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
