#!lua
-- Writes a part of the changes that a section of the log makes to the generation that is being built.
--
-- KEYS[1]  the build (hash)
-- KEYS[n]  from 2 on: keys that are written
-- ARGV[1]  the builder
-- ARGV[2]  id of the last event before the section
-- ARGV[3]  with the last part, the id of the section's last event; otherwise empty
-- ARGV[4]  number of events in the section
-- ARGV[5]  JSON list of [command, n, arguments...]; a number among the arguments refers to ARGV[number], and a list of one
--          number to KEYS[number]
-- ARGV[n]  from 6 on: long values and documents
--
-- The command LEVEL has a sorted set and a score as arguments. It makes the score a member of KEYS[n] if the sorted set has a
-- member with that score, and removes it otherwise.
--
-- Returns 1, or 0 if another process builds, or has written the section: nothing was done
-- Cost: O(log n) per field or member, for 64 KiB in all, or one command of 2,000 words
-- Atomic  because a replaced builder must not write any more. Between parts, the build is marked as torn.
-- Twice   after the last part, the second run finds another position and does nothing; other parts are written again
local build = redis.call('HMGET', KEYS[1], 'owner', 'position')
if build[1] ~= ARGV[1] or build[2] ~= ARGV[2] then return 0 end
local function resolve(argument)
  if type(argument) == 'number' then return ARGV[argument] end
  return type(argument) == 'table' and KEYS[argument[1]] or argument
end

local function perform(command, key, ...)
  if command ~= 'LEVEL' then return redis.call(command, key, ...) end
  local ranks, score = ...
  if redis.call('ZCOUNT', ranks, score, score) > 0 then
    redis.call('ZADD', key, score, score)
  else
    redis.call('ZREM', key, score)
  end
end

for _, write in ipairs(cjson.decode(ARGV[5])) do
  for k = 3, #write do write[k] = resolve(write[k]) end
  perform(write[1], KEYS[write[2]], unpack(write, 3))
end
if ARGV[3] == '' then
  redis.call('HSET', KEYS[1], 'torn', '1')
else
  redis.call('HSET', KEYS[1], 'position', ARGV[3])
  redis.call('HINCRBY', KEYS[1], 'processed', ARGV[4])
  redis.call('HDEL', KEYS[1], 'torn')
end
return 1
