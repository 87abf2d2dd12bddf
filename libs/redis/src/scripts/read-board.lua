#!lua flags=no-writes
-- Reads a window of a leaderboard.
--
-- KEYS[1]  ranks (sorted set: order and player, by score)
-- KEYS[2]  runs (hash: player -> order, score, attributes)
-- ARGV[1]  where the window begins: "offset" at an index, "after" a position, "around" a player
-- ARGV[2]  the index, the position's score, or the player
-- ARGV[3]  for "after" the position's member; else empty
-- ARGV[4]  length of the window, in entries
--
-- The board's order is by score from the top, equal scores by member from the greatest. `order` has 14 characters.
--
-- Returns {entries on the board, index of the first in the window, entries with a score above the first's,
--          {players}, {their runs}}, or {entries on the board} alone when the player is not on the board
-- Atomic  because rank, neighbours and total must be those of one moment.
-- Twice   it reads only.
local ranks, runs, length = KEYS[1], KEYS[2], tonumber(ARGV[4])
local total = redis.call('ZCARD', ranks)

-- Compared as bytes, like the sorted set does: Lua's own < follows the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- The index of the first entry behind a position, which need not be on the board any more.
local function behind(score, member)
  local low = redis.call('ZCOUNT', ranks, '(' .. score, '+inf')
  local high = low + redis.call('ZCOUNT', ranks, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(member, redis.call('ZREVRANGE', ranks, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

local start
if ARGV[1] == 'offset' then
  start = tonumber(ARGV[2])
elseif ARGV[1] == 'after' then
  start = behind(ARGV[2], ARGV[3])
else
  local run = redis.call('HGET', runs, ARGV[2])
  if not run then return { total } end
  local index = redis.call('ZREVRANK', ranks, string.sub(run, 1, 14) .. ARGV[2])
  start = math.max(0, math.min(index - math.floor(length / 2), total - length))
end

local members = redis.call('ZREVRANGE', ranks, start, start + length - 1)
if #members == 0 then return { total, start, 0, {}, {} } end
local above = redis.call('ZCOUNT', ranks, '(' .. redis.call('ZSCORE', ranks, members[1]), '+inf')
local players = {}
for i, member in ipairs(members) do players[i] = string.sub(member, 15) end
return { total, start, above, players, redis.call('HMGET', runs, unpack(players)) }
