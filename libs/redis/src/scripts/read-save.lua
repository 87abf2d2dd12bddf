#!lua flags=no-writes
-- Reads a save.
--
-- KEYS[1]  the player's saves (hash: slot -> version, time, bytes)
-- KEYS[2]  the slot's document (string)
-- ARGV[1]  the slot
--
-- Returns {slot's line, document}, or an empty list when there is none
-- Atomic  because the version must be the document's.
-- Twice   it reads only.
local line = redis.call('HGET', KEYS[1], ARGV[1])
if not line then return {} end
return { line, redis.call('GET', KEYS[2]) }
