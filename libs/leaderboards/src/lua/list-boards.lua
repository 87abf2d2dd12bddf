#!lua flags=no-writes
-- Reads one page of board names from a hash of a partition.
--
-- KEYS[1]  the hash: definitions (board -> its latest definition in the log), or rules (q:<board> -> its periods, ...)
-- ARGV[1]  the cursor that the last call returned; 0 for the first page
-- ARGV[2]  the prefix of the fields that contain board names: q: or empty
--
-- Returns {cursor of the next page, 0 after the last one, name, name, ...}
-- Cost: O(1): about 1,000 fields are looked at.
-- Atomic  need not be. It is a script because the names are only a small part of the hash's content.
-- Twice   reads only.
local page, names, prefix = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000), {}, ARGV[2]
names[1] = page[1]
for i = 1, #page[2], 2 do
  local field = page[2][i]
  if string.sub(field, 1, #prefix) == prefix then names[#names + 1] = string.sub(field, #prefix + 1) end
end
return names
