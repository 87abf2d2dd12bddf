#!lua
-- Says that a worker reads a partition.
--
-- KEYS[1]  workers of the group (sorted set: consumer, by milliseconds of the server's clock)
-- ARGV[1]  the consumer
-- ARGV[2]  milliseconds for which that holds
--
-- Returns nothing
-- Cost: O(log n) for n workers of one group, which are some dozens.
-- Atomic  because the time is the server's: clocks of workers differ.
-- Twice   the later one counts.
-- Not replicated, and not written to the append-only file: it holds for seconds, and a disk that syncs each write would never rest.
redis.set_repl(redis.REPL_NONE)
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - ARGV[2]))
-- Said before the clock was set back.
redis.call('ZREMRANGEBYSCORE', KEYS[1], string.format('(%d', now), '+inf')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
