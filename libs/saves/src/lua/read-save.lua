#!lua flags=no-writes
-- Reads a save.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the player's saves (hash: slot -> version, time, bytes), of the generation
-- KEYS[3]  the slot's document (string), of the generation
-- ARGV[1]  the generation
-- ARGV[2]  the slot
--
-- Returns {slot's line, document}, or an empty list when there is none
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(bytes) of the document.
-- Atomic  because the version must be the document's, and the generation the live one.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local line = redis.call('HGET', KEYS[2], ARGV[2])
if not line then return {} end
return { line, redis.call('GET', KEYS[3]) }
