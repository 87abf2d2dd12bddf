#!lua
-- Makes live what was built of a partition that nobody uses yet.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the build (hash)
-- ARGV[1]  who builds
-- ARGV[2]  id of the last event of the log
-- ARGV[3]  1 when the projection keeps documents, else 0
--
-- Returns 1, or 0 when nothing was built by them, or not all of it is written: nothing was done
-- Cost: O(bytes) of the facts
-- Atomic  because what is live and what is true of it belong together.
-- Twice   the second run finds no build.
local build = redis.call('HMGET', KEYS[2], 'owner', 'generation', 'facts', 'torn')
if build[1] ~= ARGV[1] or build[4] then return 0 end
redis.call('HSET', KEYS[1], 'generation', build[2], 'base', ARGV[2])
if ARGV[3] == '1' then redis.call('HSET', KEYS[1], 'documents', string.match(build[3], '"documents":"(%w+)"}$')) end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('UNLINK', KEYS[2])
return 1
