#!lua flags=no-writes
-- Reads some fields of a hash of the live generation: a player's profile, or names of players.
--
-- KEYS[1]  the group's live hash
-- KEYS[2]  the hash to read, of the generation
-- ARGV[1]  the generation
-- ARGV[n]  from 2 on: the fields, at least one and at most 1,000
--
-- Returns their values in the same order, nil for a field that does not exist
-- Errors  STALE_GENERATION <live generation>
-- Cost: O(1) for each field, of at most 1,000; 100 of those that hold documents, runs or profiles.
-- Atomic  because a switch of generations deletes the keys of the old one.
-- Twice   reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
return redis.call('HMGET', KEYS[2], unpack(ARGV, 2))
