#!lua
-- Finds a session, and puts off its end when enough of its time is used.
--
-- KEYS[1]  the session (string: whose it is)
-- ARGV[1]  milliseconds that a session lasts
-- ARGV[2]  milliseconds of them that must be used before its end is put off; 0 puts it off in any case
--
-- Returns {player, end in milliseconds since the epoch, 1 when it was put off}, or an empty list when there is none
-- Atomic  because a session that is closed, or ends, between looking and putting off must stay so.
-- Twice   the end is put off once: the second time none of it is used.
local player = redis.call('GET', KEYS[1])
if not player then return {} end
local slid = 0
if redis.call('PTTL', KEYS[1]) <= ARGV[1] - ARGV[2] then slid = redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { player, redis.call('PEXPIRETIME', KEYS[1]), slid }
