#!lua flags=no-writes
-- Finds sessions without extending them, for the time while Redis refuses writes.
--
-- KEYS[n]  sessions (string: the player)
--
-- Returns as find-session: for each session a string of player, end in milliseconds since 1970, and 0; an empty string
--         if there is no session
-- Cost: O(1) for each session, of at most 32
-- Atomic  because a session can end between the two reads.
-- Twice   it reads only.
local players, found = redis.call('MGET', unpack(KEYS)), {}
for i, key in ipairs(KEYS) do
  local player = players[i]
  found[i] = player and player .. ' ' .. string.format('%d', redis.call('PEXPIRETIME', key)) .. ' 0' or ''
end
return found
