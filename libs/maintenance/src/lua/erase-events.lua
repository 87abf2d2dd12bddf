#!lua
-- Deletes events of erased players from a partition of the log, and everything that is stored about these events.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  erasures (hash: epoch, events, board:<board>, ...)
-- KEYS[n]  from 3 on, by number in the arguments
-- ARGV[1]  the epoch of the erasing process
-- ARGV[2]  JSON list of event ids
-- ARGV[3]  JSON list of [n, n] per consumer group: its skipped events (hash: event id -> reason) and dead letters (stream)
-- ARGV[4]  JSON list of boards that must be rebuilt without the events
-- ARGV[5]  JSON list of [n of a hash, field] to delete
-- ARGV[6]  JSON list of n: keys to delete
--
-- Returns a list with 1 for each key of ARGV[6] that existed, else 0
-- Errors  ERASER_REPLACED <epoch>: a later process erases; nothing was done
-- Cost: O(log n) per event, field, and key, for at most 200 in all
-- Atomic  because the number of deleted events distinguishes erased events from lost ones, and because nothing else records
--         what the events were about
-- Twice   the second run finds nothing to delete
local epoch = tonumber(redis.call('HGET', KEYS[2], 'epoch') or '0')
if epoch > tonumber(ARGV[1]) then return redis.error_reply('ERASER_REPLACED by ' .. epoch) end

local deleted, groups = 0, cjson.decode(ARGV[3])
for _, id in ipairs(cjson.decode(ARGV[2])) do
  deleted = deleted + redis.call('XDEL', KEYS[1], id)
  for _, group in ipairs(groups) do
    local skipped, letters = KEYS[group[1]], KEYS[group[2]]
    local letter = string.match(redis.call('HGET', skipped, id) or '', '^dead (%S+)')
    if letter then redis.call('XDEL', letters, letter) end
    redis.call('HDEL', skipped, id)
  end
end
if deleted > 0 then redis.call('HINCRBY', KEYS[2], 'events', deleted) end
for _, board in ipairs(cjson.decode(ARGV[4])) do redis.call('HSET', KEYS[2], 'board:' .. board, 1) end
for _, field in ipairs(cjson.decode(ARGV[5])) do redis.call('HDEL', KEYS[field[1]], field[2]) end
local were_there = {}
for i, n in ipairs(cjson.decode(ARGV[6])) do were_there[i] = redis.call('UNLINK', KEYS[n]) end
return were_there
