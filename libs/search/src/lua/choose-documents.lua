#!lua
-- Returns the document store of a partition, and chooses one if the partition has no events yet.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the live generation (hash)
-- ARGV[1]  the best store that the server offers: plain or json
--
-- Returns the store of the live generation
-- Cost: O(1)
-- Atomic  because a worker must not write the first document in between
-- Twice   the second run returns the choice of the first, or replaces it while there is no event
local chosen = redis.call('HGET', KEYS[2], 'documents')
local generation = redis.call('HGET', KEYS[2], 'generation')
if generation or redis.call('EXISTS', KEYS[1]) == 1 then return chosen or 'plain' end
if ARGV[1] ~= (chosen or 'plain') then redis.call('HSET', KEYS[2], 'documents', ARGV[1]) end
return ARGV[1]
