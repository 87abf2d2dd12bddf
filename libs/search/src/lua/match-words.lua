#!lua flags=no-writes
-- Finds the players of a partition whose documents have all of some words, a stretch at a time.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the words (sorted set: word, NUL, player; the empty word is in all documents), of the generation
-- ARGV[1]  the generation
-- ARGV[2]  how many players are returned, at most
-- ARGV[3]  how many of those with the rarest word are looked at, at most
-- ARGV[4]  the player behind whom to begin, or empty
-- ARGV[n]  from 5 on: the words, at least one
--
-- Returns {how many there are among those that were looked at, or of a single word in all; the player behind whom to go
--          on, or empty when that was all; player, player, ...}, in the order of the players' bytes
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(log n) for each word, of at most 256, and for each comparison, of at most 500: the caller limits how many
--         documents are looked at.
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local words = { unpack(ARGV, 5) }
local rarest, total
for _, word in ipairs(words) do
  local count = redis.call('ZLEXCOUNT', KEYS[2], '[' .. word .. '\0', '(' .. word .. '\1')
  if not total or count < total then rarest, total = word, count end
end
local is_one, limit, looked_at = #words == 1, tonumber(ARGV[2]), tonumber(ARGV[3])
local count = is_one and math.min(limit, looked_at) or looked_at
local from = ARGV[4] == '' and '[' .. rarest .. '\0' or '(' .. rarest .. '\0' .. ARGV[4]
local members = redis.call('ZRANGE', KEYS[2], from, '(' .. rarest .. '\1', 'BYLEX', 'LIMIT', 0, count)

local function has_all(player)
  for _, word in ipairs(words) do
    if word ~= rarest and not redis.call('ZSCORE', KEYS[2], word .. '\0' .. player) then return false end
  end
  return true
end

local found, matching, player = { 0, '' }, 0, ''
for _, member in ipairs(members) do
  player = string.sub(member, #rarest + 2)
  if has_all(player) then
    matching = matching + 1
    if matching <= limit then found[#found + 1] = player end
  end
end
found[1] = is_one and total or matching
if not is_one and #members == count then found[2] = player end
return found
