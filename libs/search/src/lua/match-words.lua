#!lua flags=no-writes
-- Finds the players of a partition whose documents have all of the given words, one slice per call.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the words (sorted set: word, NUL, player; every document has the empty word) in that generation
-- ARGV[1]  the generation
-- ARGV[2]  maximum players to return
-- ARGV[3]  maximum documents with the rarest word to examine
-- ARGV[4]  the player after whom to begin, or empty
-- ARGV[n]  from 5 on: the words, at least one
--
-- Returns {number of matches among the examined documents, or for a single word among all; the player after whom to continue, or
--          empty at the end; player, player, ...}, in byte order of the players
-- Errors  STALE_GENERATION <the live generation>
-- Cost: O(log n) per word, for at most 256, and per comparison, for at most 500: the caller limits how many documents are
--         examined
-- Atomic  because the generation could be deleted before its keys are read
-- Twice   reads only
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
