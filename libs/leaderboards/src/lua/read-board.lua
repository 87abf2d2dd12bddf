#!lua flags=no-writes
-- Reads entries of a leaderboard in one of its periods, with their ranks: some for each who asks.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  ranks (sorted set: prefix and player, by score), of the generation
-- KEYS[3]  runs (hash: player -> order, score, attributes), of the generation
-- KEYS[4]  levels (sorted set: the scores by themselves), of the generation
-- KEYS[5]  rules (hash: b:<board> -> what it is, q:<board> -> its periods), of the generation
-- KEYS[6]  definitions (hash: board -> what it is by the log's last word)
-- KEYS[7]  the partition's stream
-- ARGV[1]  the generation
-- ARGV[2]  the board
-- ARGV[3]  the board whose scores it counts, for which the partition was chosen, or -
-- ARGV[4]  the event that defined it, for which keys and the following were chosen, or -
-- ARGV[5]  its tie-break: first, last or none
-- ARGV[6]  its ranking: standard, dense or ordinal
-- ARGV[7]  how many entries it has at most, or 0
-- ARGV[n]  from 8 on, five for each who asks:
--          which entries: "offset" from an index, "after" a position, "around" a player, at a "score", of "players"
--          the index, the position's score, the player, the score, or a JSON list of players
--          for "after" the position's member; else empty
--          how many entries, for all but "players"
--          how many of the best entries are looked at, in per cent
--
-- The board's order is by score from the top, equal scores by member from the greatest. A prefix has 14 characters,
-- or none. Scores are those that the board ranks by: with the order "asc", negative.
--
-- Cost: O(log n) for each entry or player, of at most 1,000 entries and 100 players in all; runs of at most 128 KiB, about
--
-- Returns {rules or empty, definition or empty, periods or empty, milliseconds of the clock by which a score would be
--          stamped now (0 where no period depends on it), entries on the board, a list with, for each who asks, as JSON
--          (one text costs the caller less than many small replies), [1 when there are more behind these else 0,
--          [players], [their ranks], [how many entries have a better score], [their runs, null
--          from where on they are too many bytes]]}
-- Errors  STALE_GENERATION <the live one>
--         BOARD_MOVED <board whose scores it counts, or ->: it is in another partition
--         BOARD_CHANGED <its rules>: keys or ranking were chosen for another definition
-- Atomic  because ranks, neighbours and total must be those of one moment.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local board, ranks, runs = ARGV[2], KEYS[2], KEYS[3]

local definition = redis.call('HGET', KEYS[6], board) or ''
local source = string.match(definition, '^%S+ (%S+)') or '-'
if source ~= ARGV[3] then return redis.error_reply('BOARD_MOVED ' .. source) end
local rules = redis.call('HGET', KEYS[5], 'b:' .. board) or ''
if (string.match(rules, '^%S+') or '-') ~= ARGV[4] then return redis.error_reply('BOARD_CHANGED ' .. rules) end

-- include ../../../event-log/src/lua/log-clock.inc.lua
-- Only a board that resets goes by it.
local function clock()
  return string.find(rules .. definition, '"reset"', 1, true) and log_ms(KEYS[7]) or 0
end

local total, limit = redis.call('ZCARD', ranks), tonumber(ARGV[7])
if limit > 0 and limit < total then total = limit end
local prefix = ARGV[5] == 'none' and 0 or 14

-- Time counts down in runs and in members of "first"; in those of "last", up: the same digits, from the other end.
local DIGITS = '-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz'
local function upward(order)
  return (string.gsub(order, '.', function(digit)
    local place = 65 - string.find(DIGITS, digit, 1, true)
    return string.sub(DIGITS, place, place)
  end))
end

local function index_of(player)
  local run = redis.call('HGET', runs, player)
  if not run then return false end
  local order = string.sub(run, 1, prefix)
  local member = (ARGV[5] == 'last' and upward(order) or order) .. player
  -- Entries of a banned player have no rank.
  local index = redis.call('ZREVRANK', ranks, member)
  return index and index < total and index, member
end

-- Compared as bytes, like the sorted set does: Lua's own < follows the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Many entries have the same score: counted once in a call.
local counted = { [ranks] = {}, [KEYS[4]] = {} }
local function above(key, score)
  local known = counted[key][score]
  if not known then
    known = redis.call('ZCOUNT', key, '(' .. score, '+inf')
    counted[key][score] = known
  end
  return known
end

-- The index of the first entry behind a position, which need not be on the board any more.
local function behind(score, member)
  local low = above(ranks, score)
  local high = low + redis.call('ZCOUNT', ranks, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(member, redis.call('ZREVRANGE', ranks, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

-- What one is answered, and how many of the best entries are looked at for it.
local players, places, better, more, shown

local function add(member, index, better_ones, rank)
  local i = #players + 1
  players[i], better[i] = string.sub(member, prefix + 1), better_ones
  places[i] = ARGV[6] == 'ordinal' and index + 1 or rank
end

local function rank_of(score, better_ones)
  return 1 + (ARGV[6] == 'dense' and above(KEYS[4], score) or better_ones)
end

-- The entries from an index on; only the first is looked up, the others follow from it.
local function read_window(start, length)
  local found = redis.call('ZREVRANGE', ranks, start, math.min(start + length, shown) - 1, 'WITHSCORES')
  local rank, better_ones
  for i = 1, #found, 2 do
    local index, score = start + (i - 1) / 2, found[i + 1]
    if i == 1 then
      better_ones = above(ranks, score)
      rank = rank_of(score, better_ones)
    elseif score ~= found[i - 1] then
      better_ones = index
      rank = ARGV[6] == 'dense' and rank + 1 or index + 1
    end
    add(found[i], index, better_ones, rank)
  end
  if start + #players < shown then more = 1 end
end

local function read_players(names)
  local found, members = {}, {}
  for _, player in ipairs(names) do
    local index, member = index_of(player)
    if index then
      found[#found + 1] = index
      members[index] = member
    end
  end
  table.sort(found)
  for _, index in ipairs(found) do
    local score = redis.call('ZSCORE', ranks, members[index])
    local better_ones = above(ranks, score)
    add(members[index], index, better_ones, rank_of(score, better_ones))
  end
end

local function centred(index, length) return math.max(0, math.min(index - math.floor(length / 2), shown - length)) end

local function start_of(from, where, member, length)
  if from == 'offset' then return tonumber(where) end
  if from == 'after' then return behind(where, member) end
  if from == 'score' then return centred(above(ranks, where), length) end
  local index = index_of(where)
  return index and centred(index, length)
end

-- Bytes of runs that a call answers, about: what is behind them the caller reads by a few at a time.
local left = 131072
local SOME = 16

local function runs_of(names)
  local texts = {}
  for first = 1, #names, SOME do
    local last = math.min(first + SOME - 1, #names)
    local some = left > 0 and redis.call('HMGET', runs, unpack(names, first, last)) or {}
    for i = first, last do
      local text = some[i - first + 1] or cjson.null
      texts[i] = text
      if text ~= cjson.null then left = left - #text end
    end
  end
  return texts
end

local function read(from, where, member, length, percent)
  players, places, better, more = {}, {}, {}, 0
  shown = math.ceil(total * percent / 100)
  if from == 'players' then
    read_players(cjson.decode(where))
  elseif shown > 0 and length > 0 then
    local start = start_of(from, where, member, length)
    if start and start < shown then read_window(start, length) end
  end
  if #players == 0 then return '[0,[],[],[],[]]' end
  return cjson.encode({ more, players, places, better, runs_of(players) })
end

local windows = {}
for n = 8, #ARGV, 5 do
  windows[#windows + 1] = read(ARGV[n], ARGV[n + 1], ARGV[n + 2], tonumber(ARGV[n + 3]), tonumber(ARGV[n + 4]))
end
local periods = redis.call('HGET', KEYS[5], 'q:' .. board) or ''
return { rules, definition, periods, clock(), total, windows }
