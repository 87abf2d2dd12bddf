#!lua
-- Finds sessions, and puts off the end of each of which enough of its time is used.
--
-- KEYS[n]  sessions (string: whose it is)
-- ARGV[1]  milliseconds that a session lasts
-- ARGV[2]  milliseconds of them that must be used before its end is put off; 0 puts it off in any case
--
-- Returns a list with, for each session, a string of player, end in milliseconds since the epoch, and 1 when it was put
--         off else 0; an empty one when there is no session
-- Atomic  because a session that is closed, or ends, between looking and putting off must stay so.
-- Twice   ends are put off once: the second time none of the time is used.
local function find(key)
  local player = redis.call('GET', key)
  if not player then return '' end
  local slid = 0
  if redis.call('PTTL', key) <= ARGV[1] - ARGV[2] then slid = redis.call('PEXPIRE', key, ARGV[1]) end
  return string.format('%s %d %d', player, redis.call('PEXPIRETIME', key), slid)
end

local found = {}
for i, key in ipairs(KEYS) do found[i] = find(key) end
return found
