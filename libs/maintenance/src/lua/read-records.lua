#!lua flags=no-writes
-- Reads strings that expire.
--
-- KEYS[n]  from 1 on: the strings
--
-- Returns a list with, per string, its remaining milliseconds, a space, and its value; an empty text if it does not exist
-- Cost: O(1) per string, for at most 1,000
-- Atomic  because a string could expire between reading its time and its value
-- Twice   reads only
local records = {}
for i, key in ipairs(KEYS) do
  local value = redis.call('GET', key)
  records[i] = value and string.format('%d %s', redis.call('PTTL', key), value) or ''
end
return records
