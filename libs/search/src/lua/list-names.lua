#!lua flags=no-writes
-- Lists names of a partition that begin with a text, in byte order.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the names (sorted set: folded name, NUL, player) in that generation
-- ARGV[1]  the generation
-- ARGV[2]  the prefix, folded
-- ARGV[3]  the member after which the list begins, or empty
-- ARGV[4]  maximum members
--
-- Returns members
-- Errors  STALE_GENERATION <the live generation>
-- Cost: O(log n), and O(1) per name, for at most 101
-- Atomic  because the generation could be deleted before its keys are read
-- Twice   reads only
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local from = ARGV[3] == '' and '[' .. ARGV[2] or '(' .. ARGV[3]
-- The byte 255 does not occur in UTF-8.
return redis.call('ZRANGE', KEYS[2], from, '(' .. ARGV[2] .. '\255', 'BYLEX', 'LIMIT', 0, ARGV[4])
