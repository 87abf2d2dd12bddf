#!lua flags=no-writes
-- Reads a hash of the live generation: a player's scores in a partition, or a partition's rules.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the hash, of the generation
-- ARGV[1]  the generation
--
-- Returns fields and values in turn
-- Errors  STALE_GENERATION <the live one>
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
return redis.call('HGETALL', KEYS[2])
