#!lua flags=no-writes
-- Answers questions about one shard of a leaderboard in one period.
--
-- KEYS[1]  the group's live hash
-- KEYS[2]  ranks (sorted set: prefix and player, by score), of the generation
-- KEYS[3]  runs (hash: player -> order, score, attributes), of the generation
-- KEYS[4]  rules (hash: b:<board> -> its rules, q:<board> -> its periods), of the generation
-- KEYS[5]  definitions (hash: board -> its latest definition in the log)
-- KEYS[6]  the partition's stream
-- ARGV[1]  the generation
-- ARGV[2]  the board
-- ARGV[3]  its source, for which the partition was chosen, or -
-- ARGV[4]  the event that defined it, for which keys and places were chosen, or -
-- ARGV[5]  the length of the prefix before the player in a member
-- ARGV[6]  a JSON list of questions. Each is a list that begins with its kind:
--          "window": a place, the number of entries ahead of it, the number of entries from it on, whether an entry exactly
--          at the place counts as ahead, and whether to return runs
--          "places": a list of places, and whether entries with the same score that are ahead are counted
--          "runs": a list of players
--          "samples": two places, the second exclusive, and the number of entries to take between them
--
-- A place is a list of a score and a member. An entry is ahead of it if it has a greater score, or the same score and a
-- greater member, by bytes. Scores are texts, and rank scores: negative on a board with the order "asc".
--
-- Returns {rules or empty, definition or empty, periods or empty, the log's clock in milliseconds (0 if the board does not reset),
--          number of entries in the shard, a list with the answer to each question}
--          window: {entries ahead, index of the first returned entry, score of the entry before that one or empty, how many
--          entries have a better score than it, {members}, {scores}, {runs} if requested}
--          places: three numbers for each place: entries with a better score, entries ahead (if ties are not counted, those
--          with a better score), and 1 if an entry is exactly there, else 0
--          runs: the run of each player, nil if there is none
--          samples: {entries ahead of the first place, entries ahead of the second, {indices}, {members}, {scores}}
-- Cost: O(log n) for each entry, player or sample, and O(log n * log n) for each place, of at most about 3,000 entries or 100
--       players or places in all; runs of at most 100 players
-- Errors  STALE_GENERATION <live generation>
--         BOARD_MOVED <source of the board, or ->: the board is in another partition
--         BOARD_CHANGED <its rules>: keys or places were chosen for another definition
-- Atomic  because all answers about one shard must be of the same moment.
-- Twice   reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local board, ranks, runs = ARGV[2], KEYS[2], KEYS[3]

local definition = redis.call('HGET', KEYS[5], board) or ''
local source = string.match(definition, '^%S+ (%S+)') or '-'
if source ~= ARGV[3] then return redis.error_reply('BOARD_MOVED ' .. source) end
local rules = redis.call('HGET', KEYS[4], 'b:' .. board) or ''
if (string.match(rules, '^%S+') or '-') ~= ARGV[4] then return redis.error_reply('BOARD_CHANGED ' .. rules) end

-- Lua can unpack about 8,000 values at once.
local MAX_UNPACK = 4000
local total, prefix = redis.call('ZCARD', ranks), tonumber(ARGV[5])

-- include ../../../event-log/src/lua/log-clock.inc.lua
-- Only a board that resets needs the clock.
local function clock()
  return string.find(rules .. definition, '"reset"', 1, true) and log_ms(KEYS[6]) or 0
end

-- Compares bytes, like the sorted set does. Lua's own < depends on the server's locale.
local function greater(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = string.byte(a, i), string.byte(b, i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- Counts are cached, since many places have the same score.
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

-- How many entries are ahead of a place, and whether one is exactly there.
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
  for from = 1, #players, MAX_UNPACK do
    local some = redis.call('HMGET', runs, unpack(players, from, math.min(from + MAX_UNPACK - 1, #players)))
    for _, text in ipairs(some) do texts[#texts + 1] = text end
  end
  return texts
end

local read = {}

function read.window(place, before, length, is_after, has_runs)
  local ahead, is_there = ahead_of(place[1], place[2])
  if is_after and is_there then ahead = ahead + 1 end
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
    -- If an entry is exactly there, its rank is the number of entries ahead. Otherwise search for the place.
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
