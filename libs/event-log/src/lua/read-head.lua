#!lua flags=no-writes
-- Reads the event with the latest version of a part of a subject.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the subject's heads (hash: part -> version, event id, and then bytes, or `-` for a deletion)
-- ARGV[1]  the part
--
-- Returns {event id, {field, value, field, value, ...}}, {event id} if the stream no longer has the event, or an empty list if there
--         never was a version
-- Cost: O(log n) and O(bytes) of the event
-- Atomic  because the head could change between the two reads
-- Twice   reads only
local id = string.match(redis.call('HGET', KEYS[2], ARGV[1]) or '', '^%d+ ([^ /]+)')
return id and (redis.call('XRANGE', KEYS[1], id, id)[1] or { id }) or {}
