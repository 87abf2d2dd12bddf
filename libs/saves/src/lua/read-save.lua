#!lua flags=no-writes
-- Reads a save.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the player's saves (hash: slot -> version, time, bytes) in that generation
-- KEYS[3]  the slot's document (string) in that generation
-- ARGV[1]  the generation
-- ARGV[2]  the slot
--
-- Returns {the slot's field, the document}, or an empty list if there is none
-- Errors  STALE_GENERATION <the live generation>
-- Cost: O(bytes) of the document.
-- Atomic  because version and document must belong together, and the generation must be live
-- Twice   reads only
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local line = redis.call('HGET', KEYS[2], ARGV[2])
if not line then return {} end
return { line, redis.call('GET', KEYS[3]) }
