#!lua flags=no-writes
-- Reads a window of a leaderboard.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  ranks (sorted set: order and player, by score), of the generation
-- KEYS[3]  runs (hash: player -> order, score, attributes), of the generation
-- KEYS[4]  rules (hash: b:<board> -> how it ranks), of the generation
-- ARGV[1]  the generation
-- ARGV[2]  the board
-- ARGV[3]  where the window begins: "offset" at an index, "after" a position, "around" a player
-- ARGV[4]  the index, the position's score, or the player
-- ARGV[5]  for "after" the position's member; else empty
-- ARGV[6]  length of the window, in entries
--
-- The board's order is by score from the top, equal scores by member from the greatest. `order` has 14 characters.
-- Scores are those that the board ranks by: with the order "asc", negative.
--
-- Returns {how the board ranks or empty, entries on the board, index of the first in the window,
--          entries with a score above the first's, {players}, {their runs}};
--          without the last four when the player is not on the board
-- Errors  STALE_GENERATION <the live one>
-- Atomic  because rank, neighbours and total must be those of one moment.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local ranks, runs, from, length = KEYS[2], KEYS[3], ARGV[3], tonumber(ARGV[6])
local rules = redis.call('HGET', KEYS[4], 'b:' .. ARGV[2]) or ''
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
if from == 'offset' then
  start = tonumber(ARGV[4])
elseif from == 'after' then
  start = behind(ARGV[4], ARGV[5])
else
  local run = redis.call('HGET', runs, ARGV[4]) or ''
  -- Entries that were revoked or belong to a banned player have no rank.
  local index = redis.call('ZREVRANK', ranks, string.sub(run, 1, 14) .. ARGV[4])
  if not index then return { rules, total } end
  start = math.max(0, math.min(index - math.floor(length / 2), total - length))
end

local members = redis.call('ZREVRANGE', ranks, start, start + length - 1)
if #members == 0 then return { rules, total, start, 0, {}, {} } end
local above = redis.call('ZCOUNT', ranks, '(' .. redis.call('ZSCORE', ranks, members[1]), '+inf')
local players = {}
for i, member in ipairs(members) do players[i] = string.sub(member, 15) end
return { rules, total, start, above, players, redis.call('HMGET', runs, unpack(players)) }
