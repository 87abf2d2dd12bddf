#!lua
-- Stores the progress of a partition with erasing players, or lets it accept their events again.
--
-- KEYS[1]  players who are being erased (hash)
-- ARGV[n]  from 1 on, three per player: the player, the expected value, the new value; empty to delete the player
--
-- Returns the number of changed players; players with another value are skipped
-- Cost: O(1) for each of at most 100 players
-- Atomic  because another erasure of the same player may have begun, which must not be changed
-- Twice   the second run finds other values
local done = 0
for n = 1, #ARGV, 3 do
  local player, kept, becomes = ARGV[n], ARGV[n + 1], ARGV[n + 2]
  if redis.call('HGET', KEYS[1], player) == kept then
    if becomes == '' then redis.call('HDEL', KEYS[1], player) else redis.call('HSET', KEYS[1], player, becomes) end
    done = done + 1
  end
end
return done
