#!lua flags=no-writes
-- Lists the boards of a partition.
--
-- KEYS[1]  what is live (hash)
-- KEYS[2]  rules (hash: b:<board> -> what it is, q:<board> -> its periods), of the generation
-- KEYS[3]  definitions (hash: board -> what it is by the log's last word)
-- ARGV[1]  the generation
--
-- Returns the names, some of them perhaps twice: of boards that have scores here, or a definition
-- Errors  STALE_GENERATION <the live one>
-- Atomic  because the generation must be the live one.
-- Twice   it reads only.
local live = redis.call('HGET', KEYS[1], 'generation') or '1'
if live ~= ARGV[1] then return redis.error_reply('STALE_GENERATION ' .. live) end
local names = redis.call('HKEYS', KEYS[3])
for _, field in ipairs(redis.call('HKEYS', KEYS[2])) do
  if string.sub(field, 1, 2) == 'q:' then names[#names + 1] = string.sub(field, 3) end
end
return names
