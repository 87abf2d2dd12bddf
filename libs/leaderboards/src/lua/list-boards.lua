#!lua flags=no-writes
-- Lists names of boards from a hash of a partition, a stretch at a time.
--
-- KEYS[1]  the hash: definitions (board -> what it is by the log's last word), or rules (q:<board> -> its periods, ...)
-- ARGV[1]  where to go on, as the call before said; 0 for the beginning
-- ARGV[2]  what the fields begin with that name boards: q: or nothing
--
-- Returns {where to go on, or 0 when that was all, name, name, ...}
-- Cost: O(1): about 1,000 fields are looked at.
-- Atomic  need not be: it is a script because names are a fraction of what the hash holds.
-- Twice   it reads only.
local page, names, prefix = redis.call('HSCAN', KEYS[1], ARGV[1], 'COUNT', 1000), {}, ARGV[2]
names[1] = page[1]
for i = 1, #page[2], 2 do
  local field = page[2][i]
  if string.sub(field, 1, #prefix) == prefix then names[#names + 1] = string.sub(field, #prefix + 1) end
end
return names
