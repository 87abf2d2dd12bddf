#!lua flags=no-writes
-- Reads one page of a hash of the live generation: a player's scores in a partition, or a player's slots.
--
-- KEYS[1]  the group's live hash
-- KEYS[2]  the hash to read, of the generation
-- ARGV[1]  the generation
-- ARGV[2]  the cursor that the last call returned; 0 for the first page
--
-- Returns {cursor of the next page, 0 after the last one, {field, value, field, value, ...}}; a field can come twice
-- Errors  STALE_GENERATION <live generation>
-- Cost: O(1): about 500 fields are looked at.
-- Atomic  because a switch of generations deletes the keys of the old one.
-- Twice   reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
return redis.call('HSCAN', KEYS[2], ARGV[2], 'COUNT', 500)
