#!lua flags=no-writes
-- Reads entries of a leaderboard in one period, with their ranks, for several requests at once.
--
-- KEYS[1]  the group's live hash
-- KEYS[2]  ranks (sorted set: prefix and player, by score), of the generation
-- KEYS[3]  runs (hash: player -> order, score, attributes), of the generation
-- KEYS[4]  levels (sorted set: the distinct scores), of the generation
-- KEYS[5]  rules (hash: b:<board> -> its rules, q:<board> -> its periods), of the generation
-- KEYS[6]  definitions (hash: board -> its latest definition in the log)
-- KEYS[7]  the partition's stream
-- ARGV[1]  the generation
-- ARGV[2]  the board
-- ARGV[3]  its source, for which the partition was chosen, or -
-- ARGV[4]  the event that defined it, for which the keys and the following arguments were chosen, or -
-- ARGV[5]  its tie-break: first, last or none
-- ARGV[6]  its ranking: standard, dense or ordinal
-- ARGV[7]  its maxEntries, or 0
-- ARGV[n]  from 8 on, five for each request:
--          which entries: "offset", "after", "around", "score", or "players"
--          for "offset" an index, for "after" the score of a position, for "around" a player, for "score" a score, for
--          "players" a JSON list of players
--          for "after" the member of the position; else empty
--          the number of entries; ignored for "players"
--          only the best entries, up to this percentage of the board, are considered
--
-- Entries are ordered by score, greatest first, and equal scores by member, greatest first. A prefix has 14 characters, or
-- none. Scores are rank scores: negative on a board with the order "asc".
--
-- Cost: O(log n) for each entry or player, of at most 1,000 entries and 100 players in all; runs of at most about 128 KiB
--
-- Returns {rules or empty, definition or empty, periods or empty, the log's clock in milliseconds (0 if the board does not reset),
--          number of entries on the board, a list of windows, one for each request}. A window is JSON, because one text costs
--          the caller less than many small replies: [1 if there are more entries after these, else 0, [players], [their
--          ranks], [for each, how many entries have a better score], [their runs, null from the point where they are too
--          large for one call]]
-- Errors  STALE_GENERATION <live generation>
--         BOARD_MOVED <source of the board, or ->: the board is in another partition
--         BOARD_CHANGED <its rules>: keys or arguments were chosen for another definition
-- Atomic  because ranks, neighbours and total must be of the same moment.
-- Twice   reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local board, ranks, runs = ARGV[2], KEYS[2], KEYS[3]

local definition = redis.call('HGET', KEYS[6], board) or ''
local source = string.match(definition, '^%S+ (%S+)') or '-'
if source ~= ARGV[3] then return redis.error_reply('BOARD_MOVED ' .. source) end
local rules = redis.call('HGET', KEYS[5], 'b:' .. board) or ''
if (string.match(rules, '^%S+') or '-') ~= ARGV[4] then return redis.error_reply('BOARD_CHANGED ' .. rules) end

-- include ../../../event-log/src/lua/log-clock.inc.lua
-- Only a board that resets needs the clock.
local function clock()
  return string.find(rules .. definition, '"reset"', 1, true) and log_ms(KEYS[7]) or 0
end

local total, limit = redis.call('ZCARD', ranks), tonumber(ARGV[7])
if limit > 0 and limit < total then total = limit end
local prefix = ARGV[5] == 'none' and 0 or 14

-- In runs and in members of the tie-break "first", later times have smaller digits; in members of "last", greater ones. This
-- turns the former into the latter.
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
  -- A banned player has a run, but no rank.
  local index = redis.call('ZREVRANK', ranks, member)
  return index and index < total and index, member
end

-- Compares bytes, like the sorted set does. Lua's own < depends on the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Counts are cached, since many entries have the same score.
local counted = { [ranks] = {}, [KEYS[4]] = {} }
local function above(key, score)
  local known = counted[key][score]
  if not known then
    known = redis.call('ZCOUNT', key, '(' .. score, '+inf')
    counted[key][score] = known
  end
  return known
end

-- The index of the first entry after a position. The entry at the position may be gone.
local function behind(score, member)
  local low = above(ranks, score)
  local high = low + redis.call('ZCOUNT', ranks, score, score)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(member, redis.call('ZREVRANGE', ranks, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

-- The window of the current request, and how many of the best entries are considered for it.
local players, places, better, more, shown

local function add(member, index, better_ones, rank)
  local i = #players + 1
  players[i], better[i] = string.sub(member, prefix + 1), better_ones
  places[i] = ARGV[6] == 'ordinal' and index + 1 or rank
end

local function rank_of(score, better_ones)
  return 1 + (ARGV[6] == 'dense' and above(KEYS[4], score) or better_ones)
end

-- Adds the entries from an index on. Only the rank of the first one is looked up; the others follow from it.
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

-- A call returns runs of about so many bytes. The caller reads the others, a few at a time.
local bytes_left = 131072
local RUNS_PER_COMMAND = 16

local function runs_of(names)
  local texts = {}
  for first = 1, #names, RUNS_PER_COMMAND do
    local last = math.min(first + RUNS_PER_COMMAND - 1, #names)
    local some = bytes_left > 0 and redis.call('HMGET', runs, unpack(names, first, last)) or {}
    for i = first, last do
      local text = some[i - first + 1] or cjson.null
      texts[i] = text
      if text ~= cjson.null then bytes_left = bytes_left - #text end
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
