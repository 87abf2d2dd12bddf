#!lua
-- Appends the erasure of players to a scores partition, which then accepts no more events of these players.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  players who are being erased (hash: player -> the erasing event)
-- KEYS[3]  erasures (hash: epoch, ...)
-- KEYS[4]  the gate (string: moving or closed, and the attempt)
-- ARGV[1]  the epoch of the erasing process
-- ARGV[n]  from 2 on, two per player: the player, the packed event
--
-- Returns a list with, per player, the id of the erasing event in this partition
-- Errors  LOG_CLOSED: the log is being repartitioned, or was; nothing was done
--         ERASER_REPLACED by <epoch>: a newer erasing process has taken over; nothing was done
-- Cost: O(1) for each of at most 100 players
-- Atomic  because the event must be the player's last one
-- Twice   the second run finds that the players are being erased, and appends nothing
if string.sub(redis.call('GET', KEYS[4]) or '', 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
local epoch = tonumber(redis.call('HGET', KEYS[3], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end
-- include ../../../event-log/src/lua/log-clock.inc.lua
local at = own_time_of_next(KEYS[1], clock_ms())
local ids = {}
for n = 2, #ARGV, 2 do
  local player = ARGV[n]
  local id = redis.call('HGET', KEYS[2], player)
  if not id then
    id = redis.call('XADD', KEYS[1], '*', 'e', ARGV[n + 1], unpack(at and { 't', at } or {}))
    redis.call('HSET', KEYS[2], player, id)
  end
  ids[#ids + 1] = id
end
return ids
