#!lua
-- Takes a lease, or keeps it.
--
-- KEYS[1]  the lease (string: who has it)
-- ARGV[1]  who wants it
-- ARGV[2]  milliseconds; 0 gives it back
--
-- Returns 1 when it is (or was, when it is given back) theirs, 0 when somebody else has it
-- Cost: O(1)
-- Atomic  because it can expire, and be taken by another, between looking and keeping.
-- Twice   it is kept for so long again.
local holder = redis.call('GET', KEYS[1])
if ARGV[2] == '0' then return holder == ARGV[1] and redis.call('DEL', KEYS[1]) or 0 end
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
