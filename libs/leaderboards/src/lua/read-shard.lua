#!lua flags=no-writes
-- Reads one shard of a leaderboard in one of its periods: where places are in it, and what is there.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  ranks (sorted set: prefix and player, by score), of the generation
-- KEYS[3]  runs (hash: player -> order, score, attributes), of the generation
-- KEYS[4]  rules (hash: b:<board> -> what it is, q:<board> -> its periods), of the generation
-- KEYS[5]  definitions (hash: board -> what it is by the log's last word)
-- KEYS[6]  the partition's stream
-- ARGV[1]  the generation
-- ARGV[2]  the board
-- ARGV[3]  the board whose scores it counts, for which the partition was chosen, or -
-- ARGV[4]  the event that defined it, for which keys and places were chosen, or -
-- ARGV[5]  how many characters stand before the player in a member
-- ARGV[6]  what is asked: a JSON list of lists, each of which begins with a word
--          "window": a place, how many entries ahead of it, how many from there on, whether an entry that stands
--          right there is one of those ahead, and whether their runs are wanted
--          "places": a list of places, and whether those ahead with the same score are counted, too
--          "runs": a list of players
--          "samples": two places, and how many entries between them, the first of which counts
--
-- A place is a list of a score and a member: an entry with a greater score is ahead of it, or with the same score and a
-- greater member, by bytes. Scores are texts, and those that the board ranks by: with the order "asc", negative.
--
-- Returns {rules or empty, definition or empty, periods or empty, milliseconds of the clock by which a score would be
--          stamped now (0 where no period depends on it), entries in the shard, a list with, for each that is asked,
--          window: {entries ahead, index of the first that is returned, score of the one before it or empty, how many have a
--          better score than that one, {members}, {scores}, {runs} where they are wanted}
--          places: for each three numbers: entries with a better score, entries ahead (of a better score only, unless ties
--          are counted), and 1 when one stands right there else 0
--          runs: each player's run, nil for each that has none
--          samples: {entries ahead of the first place, of the second, {indices}, {members}, {scores}}}
-- Cost: O(log n) for each entry, player or sample, and O(log n * log n) for each place, of at most some 3,000 entries or 100
--       players or places in all; runs of at most 100 players
-- Errors  STALE_GENERATION <the live one>
--         BOARD_MOVED <board whose scores it counts, or ->: it is in another partition
--         BOARD_CHANGED <its rules>: keys or places were chosen for another definition
-- Atomic  because what is said of one shard must be of one moment.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local board, ranks, runs = ARGV[2], KEYS[2], KEYS[3]

local definition = redis.call('HGET', KEYS[5], board) or ''
local source = string.match(definition, '^%S+ (%S+)') or '-'
if source ~= ARGV[3] then return redis.error_reply('BOARD_MOVED ' .. source) end
local rules = redis.call('HGET', KEYS[4], 'b:' .. board) or ''
if (string.match(rules, '^%S+') or '-') ~= ARGV[4] then return redis.error_reply('BOARD_CHANGED ' .. rules) end

-- Lua can unpack some 8,000.
local MANY = 4000
local total, prefix = redis.call('ZCARD', ranks), tonumber(ARGV[5])

-- include ../../../event-log/src/lua/log-clock.inc.lua
-- Only a board that resets goes by it.
local function clock()
  return string.find(rules .. definition, '"reset"', 1, true) and log_ms(KEYS[6]) or 0
end

-- Compared as bytes, like the sorted set does: Lua's own < follows the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Many places have the same score: counted once in a call.
local counts = {}
local function counts_of(score)
  local known = counts[score]
  if not known then
    known = { redis.call('ZCOUNT', ranks, '(' .. score, '+inf') }
    counts[score] = known
  end
  return known
end

local function above(score) return counts_of(score)[1] end

local function ties_of(score)
  local known = counts_of(score)
  known[2] = known[2] or redis.call('ZCOUNT', ranks, score, score)
  return known[2]
end

local function at(index) return redis.call('ZREVRANGE', ranks, index, index, 'WITHSCORES') end

-- How many entries are ahead of a place, and whether one stands right there.
local function ahead_of(score, member)
  local low = above(score)
  local high = low + ties_of(score)
  local last = high
  while low < high do
    local middle = math.floor((low + high) / 2)
    if greater(at(middle)[1], member) then low = middle + 1 else high = middle end
  end
  return low, low < last and at(low)[1] == member
end

local function runs_of(players)
  local texts = {}
  for from = 1, #players, MANY do
    local some = redis.call('HMGET', runs, unpack(players, from, math.min(from + MANY - 1, #players)))
    for _, text in ipairs(some) do texts[#texts + 1] = text end
  end
  return texts
end

local read = {}

function read.window(place, before, length, is_behind, has_runs)
  local ahead, is_there = ahead_of(place[1], place[2])
  if is_behind and is_there then ahead = ahead + 1 end
  local start = math.max(0, ahead - before)
  local lead, better = '', 0
  if start > 0 and start <= total then
    lead = at(start - 1)[2]
    better = above(lead)
  end
  local stop = ahead + length - 1
  local found = stop >= start and redis.call('ZREVRANGE', ranks, start, stop, 'WITHSCORES') or {}
  local members, scores, players = {}, {}, {}
  for i = 1, #found, 2 do
    members[#members + 1] = found[i]
    scores[#scores + 1] = found[i + 1]
    players[#players + 1] = string.sub(found[i], prefix + 1)
  end
  return { ahead, start, lead, better, members, scores, has_runs and runs_of(players) or {} }
end

function read.places(places, counts_ties)
  local numbers = {}
  for _, place in ipairs(places) do
    local score, member = place[1], place[2]
    local here = redis.call('ZSCORE', ranks, member)
    local is_there = here and tonumber(here) == tonumber(score)
    local better = above(score)
    numbers[#numbers + 1] = better
    -- Where it stands, its rank says how many are ahead; elsewhere that must be looked for.
    numbers[#numbers + 1] = counts_ties and (is_there and redis.call('ZREVRANK', ranks, member) or ahead_of(score, member)) or better
    numbers[#numbers + 1] = is_there and 1 or 0
  end
  return numbers
end

function read.runs(players) return runs_of(players) end

function read.samples(from, to, count)
  local first, last = ahead_of(from[1], from[2]), ahead_of(to[1], to[2])
  local indices, members, scores = {}, {}, {}
  for index = first, last - 1, math.max(1, math.ceil((last - first) / count)) do
    local member, score = unpack(at(index))
    indices[#indices + 1], members[#members + 1], scores[#scores + 1] = index, member, score
  end
  return { first, last, indices, members, scores }
end

local answers = {}
for i, asked in ipairs(cjson.decode(ARGV[6])) do answers[i] = read[asked[1]](unpack(asked, 2)) end
local periods = redis.call('HGET', KEYS[4], 'q:' .. board) or ''
return { rules, definition, periods, clock(), total, answers }
