#!lua
-- Notes how far a partition is with players who are being erased, or that it takes their events again.
--
-- KEYS[1]  players who are being erased (hash)
-- ARGV[n]  from 1 on, three for each player: the player, what must be kept of the player, what is kept from now on; empty for
--          nothing
--
-- Returns how many there were: of the others something else is kept, and nothing was done
-- Cost: O(1) for each of at most 100 players
-- Atomic  because a player can be erased once more by others, which is none of this caller's business.
-- Twice   the second run finds something else.
local done = 0
for n = 1, #ARGV, 3 do
  local player, kept, becomes = ARGV[n], ARGV[n + 1], ARGV[n + 2]
  if redis.call('HGET', KEYS[1], player) == kept then
    if becomes == '' then redis.call('HDEL', KEYS[1], player) else redis.call('HSET', KEYS[1], player, becomes) end
    done = done + 1
  end
end
return done
