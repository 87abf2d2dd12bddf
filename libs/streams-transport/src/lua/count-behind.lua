#!lua flags=no-writes
-- Counts entries of a stream behind one, up to a number of them.
--
-- KEYS[1]  the stream
-- ARGV[1]  the id behind which it counts
-- ARGV[2]  how many it counts at most: the caller chooses it by the size of entries, since Redis can only count by reading
--
-- Returns {how many, the id of the last one or that of ARGV[1], the milliseconds of the first one: its own time, or else its id's;
--          or nothing}
-- Cost: O(n) for n entries, at most 1,000, of a megabyte together or one alone: about a millisecond.
-- Atomic  it need not be.
-- Twice   it reads only.
local entries = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
if #entries == 0 then return { 0, ARGV[1], false } end
local first = entries[1]
local ms = string.match(first[1], '^%d+')
for i = 1, #first[2], 2 do
  if first[2][i] == 't' then ms = first[2][i + 1] end
end
return { #entries, entries[#entries][1], ms }
