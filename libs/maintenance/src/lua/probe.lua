#!lua flags=no-writes
-- Looks at places of the live generation, and at which events are in it.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  what is live (hash)
-- KEYS[3]  the group's skipped events (hash)
-- KEYS[n]  from 4 on: keys to look at
-- ARGV[1]  the consumer group
-- ARGV[2]  the generation
-- ARGV[3]  JSON list of [what, n, argument]: HGET, ZSCORE, HLEN and ZCARD are the commands; SHA is the SHA-1 of a string,
--          JSON what the path in the argument selects of a JSON value
-- ARGV[4]  how many events may be pending
--
-- Returns {id of the last event that was delivered, {ids of pending events}, {ids of skipped events},
--          {fields of what is live, in turn}, {what was found, as text, empty for nothing}}; or "busy" when more events are
--          pending. Where documents are long, less is looked at, and found, than was asked for.
-- Errors  STALE_GENERATION <the live one>
-- Cost: O(1) for each place that is looked at, of at most 500, and O(n) for n events that are pending, of at most 5,000, or
--         skipped, which are dead letters.
-- Atomic  because a state can be compared only with the fold of just those events that are in it.
-- Twice   it reads only.
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

-- Bytes of documents that are digested in one call, about.
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
