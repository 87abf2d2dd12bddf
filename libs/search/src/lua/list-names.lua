#!lua flags=no-writes
-- Lists names of a partition that begin with a text, in the order of their bytes.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the names (sorted set: folded name, NUL, player), of the generation
-- ARGV[1]  the generation
-- ARGV[2]  the beginning, folded
-- ARGV[3]  the member behind which the list begins, or empty
-- ARGV[4]  how many, at most
--
-- Returns members
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(log n), and O(1) for each name, of at most 101.
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local from = ARGV[3] == '' and '[' .. ARGV[2] or '(' .. ARGV[3]
-- No text has the byte 255: it is not of UTF-8.
return redis.call('ZRANGE', KEYS[2], from, '(' .. ARGV[2] .. '\255', 'BYLEX', 'LIMIT', 0, ARGV[4])
