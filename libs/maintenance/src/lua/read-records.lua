#!lua flags=no-writes
-- Reads strings that last for a while.
--
-- KEYS[n]  from 1 on: the strings
--
-- Returns a list with, for each, its milliseconds left, a space, and its value; or an empty text when it is not there
-- Cost: O(1) for each string, of at most 1,000.
-- Atomic  because it must not end between reading the one and the other.
-- Twice   it reads only.
local records = {}
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  records[i] = value and string.format('%d %s', redis.call('PTTL', key), value) or ''
end
return records
