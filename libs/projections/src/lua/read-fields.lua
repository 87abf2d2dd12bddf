#!lua flags=no-writes
-- Reads some fields of a hash of the live generation: a player's profile, or names of players.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the hash, of the generation
-- ARGV[1]  the generation
-- ARGV[n]  from 2 on: the fields, at least one and some thousand at most
--
-- Returns their values in that order, nil for each that is not there
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(1) for each field, of at most 1,000; 100 of those that hold documents, runs or profiles.
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
return redis.call('HMGET', KEYS[2], unpack(ARGV, 2))
