#!lua flags=no-writes
-- Reads everything that shows whether a partition of the log is complete.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the ledger (hash: the extent of the log at the last check, and recorded losses)
-- KEYS[3]  erasures (hash: events, ...)
-- KEYS[4]  the gate (string: moving or closed, and the attempt)
-- KEYS[5]  definitions (hash)
-- KEYS[6]  the archive catalog (hash: floor, trimmed, ...)
-- KEYS[n]  from 7 on: the live generation of each consumer group (hash: tick, base, acknowledged, ...)
-- ARGV[1]  JSON list of ids of events that the caller knows to have existed
-- ARGV[2]  JSON list of these groups, in the same order
--
-- Returns JSON:
--           now       milliseconds since 1970
--           stream    the fields of XINFO STREAM, without entries; absent if there is no stream
--           groups    by name: the last delivered id
--           accounts  by name: delivered events that are neither pending nor acknowledged by us. This number changes only if
--                     somebody else changes the group. Absent while more than a few events wait for delivery
--           ahead     names of groups whose position is beyond the last event
--           ledger    the hash
--           erased    number of erased events
--           trimmed   number of events that are only in the archive
--           floor     the last of them; absent if there are none
--           gate      its value
--           defined   whether there are definitions
--           bases     the last event in each generation that was built
--           applied   whether any group has ever applied an event
--           missing   those of the given ids that do not exist
-- Cost: O(log n) for each of at most ten ids, and the bytes of at most twenty events for each of three groups
-- Atomic  because the counts belong together: an event erased or trimmed in between would appear lost
-- Twice   reads only
local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end

local function is_behind(id, other)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  local other_ms, other_seq = string.match(other, '^(%d+)-(%d+)$')
  ms, seq, other_ms, other_seq = tonumber(ms), tonumber(seq), tonumber(other_ms), tonumber(other_seq)
  return ms < other_ms or (ms == other_ms and seq < other_seq)
end

-- cjson encodes an empty table as an object, where readers expect a missing field.
local function object(map) return next(map) and map or nil end

local time = redis.call('TIME')
local look = {
  now = time[1] * 1000 + math.floor(time[2] / 1000),
  ledger = object(fields(redis.call('HGETALL', KEYS[2]))),
  erased = tonumber(redis.call('HGET', KEYS[3], 'events') or '0'),
  trimmed = tonumber(redis.call('HGET', KEYS[6], 'trimmed') or '0'),
  floor = redis.call('HGET', KEYS[6], 'floor') or nil,
  gate = redis.call('GET', KEYS[4]) or nil,
  defined = redis.call('EXISTS', KEYS[5]) == 1,
}

local FEW = 20
local positions = {}
for i, name in ipairs(cjson.decode(ARGV[2])) do positions[name] = i + 6 end
local groups, accounts, ahead = {}, {}, {}
local function account(group, stream)
  local name, delivered = group['name'], group['last-delivered-id']
  if not positions[name] then return end
  if is_behind(stream.last, delivered) then ahead[#ahead + 1] = name end
  local undelivered = 0
  if is_behind(delivered, stream.last) then
    undelivered = #redis.call('XRANGE', KEYS[1], '(' .. delivered, '+', 'COUNT', FEW)
  end
  if undelivered == FEW then return end
  local acknowledged = tonumber(redis.call('HGET', KEYS[positions[name]], 'acknowledged') or '0') or 0
  accounts[name] = stream.added - undelivered - group['pending'] - acknowledged
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = fields(redis.call('XINFO', 'STREAM', KEYS[1]))
  look.stream = {
    length = info['length'],
    added = info['entries-added'],
    last = info['last-generated-id'],
    first = info['recorded-first-entry-id'],
    deleted = info['max-deleted-entry-id'],
  }
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    local group = fields(flat)
    groups[group['name']] = group['last-delivered-id']
    account(group, look.stream)
  end
end
look.groups = object(groups)
look.accounts = object(accounts)
look.ahead = object(ahead)

local bases, missing = {}, {}
look.applied = false
for n = 7, #KEYS do
  local live = redis.call('HMGET', KEYS[n], 'tick', 'base')
  if live[1] then look.applied = true end
  if live[2] then bases[#bases + 1] = live[2] end
end
for _, id in ipairs(cjson.decode(ARGV[1])) do
  if #redis.call('XRANGE', KEYS[1], id, id) == 0 then missing[#missing + 1] = id end
end
look.bases = #bases > 0 and bases or nil
look.missing = #missing > 0 and missing or nil
return cjson.encode(look)
