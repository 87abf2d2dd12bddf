#!lua flags=no-writes
-- Reads the event that is the latest version of something.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the subject's heads (hash: part -> version, event id, and behind it bytes or `-` when it is a deletion)
-- ARGV[1]  the part
--
-- Returns {event id, {fields and values in turn}}, or an empty list when there never was a version
-- Cost: O(log n) and O(bytes) of the event.
-- Atomic  because the head can move on between two reads; the event of a head that was read stays.
-- Twice   it reads only.
local id = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^%d+ ([^ /]+)')
return id and redis.call('XRANGE', KEYS[1], id, id)[1] or {}
