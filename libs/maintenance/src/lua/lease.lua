#!lua
-- Takes, renews, or returns a lease.
--
-- KEYS[1]  the lease (string: its holder)
-- ARGV[1]  the process that wants the lease
-- ARGV[2]  milliseconds; 0 returns the lease
--
-- Returns 1 if the process has the lease (or had it, if it returns it), 0 if another process has it
-- Cost: O(1)
-- Atomic  because the lease could expire and be taken by another process between the check and the renewal
-- Twice   the lease is renewed again
local holder = redis.call('GET', KEYS[1])
if ARGV[2] == '0' then return holder == ARGV[1] and redis.call('DEL', KEYS[1]) or 0 end
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
