#!lua flags=no-writes
-- Reads a page of a partition of the log as one text.
--
-- KEYS[1]  the partition's stream
-- ARGV[1]  where to begin, as XRANGE takes it
-- ARGV[2]  where to end, as XRANGE takes it
-- ARGV[3]  number of entries, at most
--
-- Returns JSON: what XRANGE answers
-- Atomic  need not be: the log only grows. It is a script because one text costs the client less to read
--         than a thousand small lists; Redis, which hardly anything is asked of during a replay, works more for it.
-- Twice   it reads only.
local entries = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[2], 'COUNT', ARGV[3])
if #entries == 0 then return '[]' end
return cjson.encode(entries)
