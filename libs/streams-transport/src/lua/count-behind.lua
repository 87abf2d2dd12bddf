#!lua flags=no-writes
-- Counts the entries of a stream that come after an id, up to a limit.
--
-- KEYS[1]  the stream
-- ARGV[1]  the id to start after
-- ARGV[2]  the limit. The caller chooses it by the size of the entries, because Redis has to read them to count them
--
-- Returns {number of entries, id of the last one (or ARGV[1]), time of the first one in milliseconds or nil}
-- Cost: O(n) for n entries: at most 1,000, and about a megabyte or a single entry. About a millisecond.
-- Atomic  it need not be.
-- Twice   it only reads.
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
if #entries == 0 then return { 0, ARGV[1], false } end
local first = entries[1]
local ms = string.match(first[1], '^%d+')
for i = 1, #first[2], 2 do
  if first[2][i] == 't' then ms = first[2][i + 1] end
end
return { #entries, entries[#entries][1], ms }
