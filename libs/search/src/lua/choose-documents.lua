#!lua
-- Tells how a partition's documents are kept; where there is no event yet, they will be kept as the server can.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  what is live (hash)
-- ARGV[1]  the store that the server can have: plain or json
--
-- Returns the store of the live generation
-- Cost: O(1)
-- Atomic  because a worker must not write the first document in between.
-- Twice   the second run finds what the first chose; before the first event, another server's choice replaces it.
local chosen = redis.call('HGET', KEYS[2], 'documents')
local generation = redis.call('HGET', KEYS[2], 'generation')
if generation or redis.call('EXISTS', KEYS[1]) == 1 then return chosen or 'plain' end
if ARGV[1] ~= (chosen or 'plain') then redis.call('HSET', KEYS[2], 'documents', ARGV[1]) end
return ARGV[1]
