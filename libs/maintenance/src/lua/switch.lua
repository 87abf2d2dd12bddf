#!lua
-- Makes a finished build live, at the event where the barrier is.
--
-- KEYS[1]  the live generation (hash)
-- KEYS[2]  the build (hash)
-- KEYS[3]  the group's skipped events (hash: event id -> reason)
-- KEYS[4]  the live rules (hash)
-- KEYS[n]  from 5 on, in pairs: a built key, and the live key that it replaces
-- ARGV[1]  the builder
-- ARGV[2]  id of the last event in the build
-- ARGV[3]  JSON list of event ids that the build lacks because they were skipped
-- ARGV[4]  JSON list of event ids that could not be folded; they are delivered again, and fail there
-- ARGV[5]  JSON object of fields to set in the live generation
-- ARGV[6]  JSON object of fields that the live rules must have; an empty text for a field that must not exist
-- ARGV[7]  JSON object of fields to set in the live rules; an empty text deletes the field
-- ARGV[8]  id of an event in the build that was a dead letter, or empty
--
-- Returns "switched"; or, if nothing was done: "expired" (the barrier has expired, or the rules have changed), "changed" (other
--         events are skipped now), "lost" (another process builds)
-- Cost: O(1) per key and field of the rules, for at most 200 boards, and O(n) for n skipped events, which are dead letters
-- Atomic  because readers and workers must see either generation as a whole
-- Twice   the second run finds no build
if redis.call('HGET', KEYS[2], 'owner') ~= ARGV[1] then return 'lost' end

local barrier, until_ms, owner = string.match(redis.call('HGET', KEYS[1], 'barrier') or '', '^(%S+) (%d+) (%S+)$')
local now = redis.call('TIME')
if barrier ~= ARGV[2] or owner ~= ARGV[1] or now[1] * 1000 + math.floor(now[2] / 1000) > tonumber(until_ms) then
  return 'expired'
end

for field, value in pairs(cjson.decode(ARGV[6])) do
  if (redis.call('HGET', KEYS[4], field) or '') ~= value then return 'expired' end
end

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq)
end

local limit_ms, limit_seq = parse(barrier)
local known, skipped = {}, {}
local left_out, failed = cjson.decode(ARGV[3]), cjson.decode(ARGV[4])
for _, id in ipairs(left_out) do known[id] = true end
for _, id in ipairs(failed) do known[id] = true end
known[ARGV[8]] = true
for _, id in ipairs(redis.call('HKEYS', KEYS[3])) do
  local ms, seq = parse(id)
  skipped[id] = true
  if not known[id] and (ms < limit_ms or (ms == limit_ms and seq <= limit_seq)) then return 'changed' end
end
for _, id in ipairs(left_out) do
  if not skipped[id] then return 'changed' end
end

if ARGV[8] ~= '' and redis.call('HGET', KEYS[3], ARGV[8]) == 'retried' then redis.call('HDEL', KEYS[3], ARGV[8]) end
for _, id in ipairs(failed) do redis.call('HSETNX', KEYS[3], id, 'failed') end
for i = 5, #KEYS, 2 do
  redis.call('UNLINK', KEYS[i + 1])
  if redis.call('EXISTS', KEYS[i]) == 1 then redis.call('RENAME', KEYS[i], KEYS[i + 1]) end
end
for field, value in pairs(cjson.decode(ARGV[5])) do redis.call('HSET', KEYS[1], field, value) end
for field, value in pairs(cjson.decode(ARGV[7])) do
  if value == '' then redis.call('HDEL', KEYS[4], field) else redis.call('HSET', KEYS[4], field, value) end
end
redis.call('HINCRBY', KEYS[1], 'revision', 1)
redis.call('HDEL', KEYS[1], 'barrier')
redis.call('UNLINK', KEYS[2])
return 'switched'
