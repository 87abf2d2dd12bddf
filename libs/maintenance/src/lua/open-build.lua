#!lua
-- Makes a finished build live, in a partition that nobody uses yet.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the build (hash)
-- ARGV[1]  the builder
-- ARGV[2]  id of the last event of the log
-- ARGV[3]  1 if the projection stores documents, else 0
--
-- Returns 1, or 0 if the build belongs to another builder or is incomplete: nothing was done
-- Cost: O(bytes) of the facts
-- Atomic  because the live generation and its facts belong together
-- Twice   the second run finds no build
local build = redis.call('HMGET', KEYS[2], 'owner', 'generation', 'facts', 'torn')
if build[1] ~= ARGV[1] or build[4] then return 0 end
redis.call('HSET', KEYS[1], 'generation', build[2], 'base', ARGV[2])
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'documents', string.match(build[3], '"documents":"(%w+)"}$')) end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('UNLINK', KEYS[2])
return 1
