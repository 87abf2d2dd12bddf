#!lua flags=no-writes
-- Reads a hash of the live generation, a stretch at a time: a player's scores in a partition, or a player's slots.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the hash, of the generation
-- ARGV[1]  the generation
-- ARGV[2]  where to go on, as the call before said; 0 for the beginning
--
-- Returns {where to go on, or 0 when that was all, {fields and values in turn}}; a field can come twice
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(1): about 500 fields are looked at.
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
return redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', 500)
