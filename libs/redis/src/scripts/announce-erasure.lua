#!lua
-- Appends to a partition of scores that players are erased, and has it take nothing more of them.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  players who are being erased (hash: player -> the event that erases)
-- KEYS[3]  what erases (hash: epoch, ...)
-- KEYS[4]  the gate (string: moving or closed, and by whom)
-- ARGV[1]  the epoch of who erases
-- ARGV[n]  from 2 on, two for each player: the player, the packed event
--
-- Returns a list with, for each player, the id of the event that erases the player here
-- Errors  LOG_CLOSED: the log is being moved, or was; nothing was done
--         ERASER_REPLACED <by whom>: a later one erases; nothing was done
-- Cost: O(1) for each of at most 100 players
-- Atomic  because the event must be the last of the player.
-- Twice   the second run finds that the players are being erased, and appends nothing.
if string.sub(redis.call('GET', KEYS[4]) or '', 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
local epoch = tonumber(redis.call('HGET', KEYS[3], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end
-- Its time, as append gives it to events when ids are ahead of the clock.
local CLOCK_TOLERANCE_MS = 1000
local function ms_of(id) return tonumber(string.match(id, '^%d+')) end

local function own_time()
  if redis.call('EXISTS', KEYS[1]) == 0 then return nil end
  local info, last_ms, set_ms = redis.call('XINFO', 'STREAM', KEYS[1]), 0, nil
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last_ms = ms_of(info[i + 1]) end
    local entry = info[i] == 'last-entry' and info[i + 1] or { '0', {} }
    for k = 1, #entry[2], 2 do
      if entry[2][k] == 't' and ms_of(entry[2][k + 1]) >= ms_of(entry[1]) then set_ms = ms_of(entry[2][k + 1]) end
    end
  end
  if set_ms then return string.format('%d', math.max(set_ms, last_ms)) end
  local time = redis.call('TIME')
  local now = time[1] .. string.format('%03d', math.floor(time[2] / 1000))
  return last_ms - tonumber(now) > CLOCK_TOLERANCE_MS and now or nil
end

local at = own_time()
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
