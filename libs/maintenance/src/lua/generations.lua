#!lua flags=no-writes
-- Returns the generations of a partition's state that can exist.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the build (hash)
--
-- Returns {the live generation, the highest that was ever begun, the one that is being built or 0}
-- Cost: O(1)
-- Atomic  because a generation that begins in between would be mistaken for an abandoned one
-- Twice   reads only
local live = redis.call('HMGET', KEYS[1], 'generation', 'built')
local building = redis.call('HGET', KEYS[2], 'generation')
return { tonumber(live[1] or '1'), tonumber(live[2] or '1'), tonumber(building or '0') }
