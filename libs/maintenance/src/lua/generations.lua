#!lua flags=no-writes
-- Tells which generations of a partition's state there can be.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the build (hash)
--
-- Returns {the live one, the greatest that was ever begun, the one that is being built or 0}
-- Cost: O(1)
-- Atomic  because a generation that is begun in between would be taken for one that was given up.
-- Twice   it reads only.
local live = redis.call('HMGET', KEYS[1], 'generation', 'built')
local building = redis.call('HGET', KEYS[2], 'generation')
return { tonumber(live[1] or '1'), tonumber(live[2] or '1'), tonumber(building or '0') }
