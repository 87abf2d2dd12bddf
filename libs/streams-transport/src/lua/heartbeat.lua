#!lua
-- Records that a worker is reading a partition.
--
-- KEYS[1]  workers of the group (sorted set: consumer, by the time of its heartbeat in milliseconds)
-- ARGV[1]  the consumer
-- ARGV[2]  how many milliseconds the heartbeat is valid
--
-- Returns nil
-- Cost: O(log n) for n workers of one group, usually fewer than 100.
-- Atomic  because it uses the clock of the server: the clocks of workers differ.
-- Twice   the later heartbeat counts.
-- Not replicated and not written to the append-only file: a heartbeat is valid for seconds, and with appendfsync always each
-- one would cost a disk sync.
redis.set_repl(redis.REPL_NONE)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - ARGV[2]))
-- Remove heartbeats from the future, recorded before the clock was set back.
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%d', now), '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
