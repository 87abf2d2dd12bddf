#!lua
-- Begins to build a generation of a partition's state, or takes over an unfinished build.
--
-- KEYS[1]  the live generation (hash: generation, built, ...)
-- KEYS[2]  the build (hash: job, owner, generation, position, processed, torn, facts, and assumed:<field of the rules>)
-- ARGV[1]  the job
-- ARGV[2]  the builder
-- ARGV[3]  JSON text to store with a new build
-- ARGV[4]  1 to start again in any case, 0 to continue a build of the same job
--
-- Returns {generation, id of the last event in it, number of events read, the JSON text}
-- A build cannot be continued if its builder died in the middle of a write (torn).
--
-- Cost: O(bytes) of the facts
-- Atomic  because two builders must not get the same generation, and a replaced builder must not write any more
-- Twice   the second run takes over from the first
local build = redis.call('HMGET', KEYS[2], 'job', 'generation', 'position', 'processed', 'facts', 'torn')
if ARGV[4] == '0' and build[1] == ARGV[1] and not build[6] then
  redis.call('HSET', KEYS[2], 'owner', ARGV[2])
  return { tonumber(build[2]), build[3], tonumber(build[4]), build[5] }
end
local live = redis.call('HMGET', KEYS[1], 'generation', 'built')
local generation = math.max(tonumber(live[1] or '1'), tonumber(live[2] or '1')) + 1
redis.call('HSET', KEYS[1], 'built', string.format('%d', generation))
redis.call('UNLINK', KEYS[2])
redis.call('HSET', KEYS[2], 'job', ARGV[1], 'owner', ARGV[2], 'generation', string.format('%d', generation),
  'position', '0-0', 'processed', '0', 'facts', ARGV[3])
return { generation, '0-0', 0, ARGV[3] }
