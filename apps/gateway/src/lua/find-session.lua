#!lua
-- Finds sessions, and puts off the end of each of which enough of its time is used.
--
-- KEYS[n]  sessions (string: whose it is)
-- ARGV[1]  milliseconds that a session lasts
-- ARGV[2]  milliseconds of them that must be used before its end is put off; 0 puts it off in any case
--
-- Returns a list with, for each session, a string of player, end in milliseconds since the epoch, and 1 when it was put
--         off else 0; an empty one when there is no session
-- Cost: O(1) for each session, of at most 32.
-- Atomic  because a session that is closed, or ends, between looking and putting off must stay so.
-- Twice   ends are put off once: the second time none of the time is used.
local lifetime, slack = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A call costs several times what it does: so one for all players.
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
