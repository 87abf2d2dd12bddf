#!lua
-- Finds sessions, and extends those that were not extended for a while.
--
-- KEYS[n]  sessions (string: the player)
-- ARGV[1]  milliseconds that a session lasts
-- ARGV[2]  milliseconds since it was last extended, after which it is extended again; 0 extends it in any case
--
-- Returns a list with a string for each session: player, end in milliseconds since 1970, and 1 if it was extended
--         else 0; an empty string if there is no session
-- Cost: O(1) for each session, of at most 32.
-- Atomic  because a session that is closed or ends between reading and extending must stay closed.
-- Twice   the second run finds the sessions extended already, and changes nothing.
local lifetime, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- One call for all players: a call costs several times what it does.
local players, found = redis.call('MGET', unpack(KEYS)), {}
for i, key in ipairs(KEYS) do
  local player = players[i]
  if player then
    local ends, slid = redis.call('PEXPIRETIME', key), 0
    if ends - now <= lifetime - slack then
      slid = redis.call('PEXPIRE', key, ARGV[1])
      ends = redis.call('PEXPIRETIME', key)
    end
    found[i] = player .. ' ' .. string.format('%d', ends) .. ' ' .. slid
  else
    found[i] = ''
  end
end
return found
