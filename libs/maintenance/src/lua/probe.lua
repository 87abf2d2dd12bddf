#!lua flags=no-writes
-- Reads places of the live generation, and which events it contains.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the live generation (hash)
-- KEYS[3]  the group's skipped events (hash)
-- KEYS[n]  from 4 on: keys to read
-- ARGV[1]  the consumer group
-- ARGV[2]  the generation
-- ARGV[3]  JSON list of [what, n, argument]: HGET, ZSCORE, HLEN, and ZCARD are the commands; SHA is the SHA-1 of a string; JSON
--          is what the path in the argument selects from a JSON value
-- ARGV[4]  maximum pending events
--
-- Returns {id of the last delivered event, {ids of pending events}, {ids of skipped events}, {fields of the live generation,
--          alternating with values}, {results as text, empty for nothing}}; or "busy" if more events are pending. If
--          documents are long, it returns fewer results than requested.
-- Errors  STALE_GENERATION <the live generation>
-- Cost: O(1) per place, for at most 500, and O(n) for n pending events, at most 5,000, and skipped events, which are dead
--         letters
-- Atomic  because a state can only be compared with the fold of exactly the events that it contains
-- Twice   reads only
local stream, group = KEYS[1], ARGV[1]
local live = redis.call('HGET', KEYS[2], 'generation') or '1'
if live ~= ARGV[2] then return redis.error_reply('STALE_GENERATION ' .. live) end

local delivered, pending = '0-0', {}
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local info = {}
  for i = 1, #flat, 2 do info[flat[i]] = flat[i + 1] end
  if info['name'] == group then delivered = info['last-delivered-id'] end
end
if delivered ~= '0-0' then
  if redis.call('XPENDING', stream, group)[1] > tonumber(ARGV[4]) then return 'busy' end
  for i, entry in ipairs(redis.call('XPENDING', stream, group, '-', '+', ARGV[4])) do pending[i] = entry[1] end
end

-- The approximate number of bytes of documents to hash in one call.
local left = 524288
local look = {
  HGET = function(key, field) return redis.call('HGET', key, field) end,
  ZSCORE = function(key, member) return redis.call('ZSCORE', key, member) end,
  HLEN = function(key) return redis.call('HLEN', key) end,
  ZCARD = function(key) return redis.call('ZCARD', key) end,
  JSON = function(key, path) return redis.call('JSON.GET', key, path) end,
  SHA = function(key)
    local value = redis.call('GET', key)
    left = left - (value and #value or 0)
    return value and redis.sha1hex(value)
  end,
}
local found = {}
for i, probe in ipairs(cjson.decode(ARGV[3])) do
  if left <= 0 and probe[1] == 'SHA' then break end
  found[i] = tostring(look[probe[1]](KEYS[probe[2]], probe[3]) or '')
end
return { delivered, pending, redis.call('HKEYS', KEYS[3]), redis.call('HGETALL', KEYS[2]), found }
