#!lua flags=no-writes
-- Finds the players of a partition whose documents have all of some words.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  the words (sorted set: word, NUL, player; the empty word is in all documents), of the generation
-- ARGV[1]  the generation
-- ARGV[2]  how many players, at most
-- ARGV[3]  how many of those with the rarest word are looked at, at most
-- ARGV[n]  from 4 on: the words, at least one
--
-- Returns {how many there are, player, player, ...}, in the order of the players' bytes
-- Errors  STALE_GENERATION <the live one>
-- Atomic  because a generation can be gone when its keys are read.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local words = { unpack(ARGV, 4) }
local rarest, total
for _, word in ipairs(words) do
  local count = redis.call('ZLEXCOUNT', KEYS[2], '[' .. word .. '\0', '(' .. word .. '\1')
  if not total or count < total then rarest, total = word, count end
end
local limit = #words == 1 and ARGV[2] or ARGV[3]
local members = redis.call('ZRANGE', KEYS[2], '[' .. rarest .. '\0', '(' .. rarest .. '\1', 'BYLEX', 'LIMIT', 0, limit)

local function has_all(player)
  for _, word in ipairs(words) do
    if word ~= rarest and not redis.call('ZSCORE', KEYS[2], word .. '\0' .. player) then return false end
  end
  return true
end

local found, matching = { 0 }, 0
for _, member in ipairs(members) do
  local player = string.sub(member, #rarest + 2)
  if has_all(player) then
    matching = matching + 1
    if matching <= tonumber(ARGV[2]) then found[#found + 1] = player end
  end
end
found[1] = #words == 1 and total or matching
return found
