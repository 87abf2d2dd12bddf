#!lua
-- Appends one event to a partition of the log.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  idempotency record of the request (string: fingerprint, event id, version); touched when ARGV[5] is set
-- KEYS[3]  head versions of the subject (hash: part -> version); touched when ARGV[3] is set
-- ARGV[1]  the packed event (field e)
-- ARGV[2]  its metadata (field m), or empty
-- ARGV[3]  the part of the subject whose versions are counted or followed, or empty
-- ARGV[4]  the expected head version: empty for any, * for any but none, 0 for none, or the number
-- ARGV[5]  fingerprint of the event, or empty when the request has no idempotency key
-- ARGV[6]  seconds for which the idempotency record is kept
-- ARGV[7]  the document (field d), or empty
-- ARGV[8]  1 when the event is a version and counts on, 0 when it only carries the head version (if there is one)
--
-- Returns {event id, version or empty, 1 when it was appended before else 0}
-- Errors   IDEMPOTENCY_CONFLICT: the same key came with another event
--          VERSION_CONFLICT <head version>: the expected version is not the head
-- Atomic   because the answer to "which version?" and "seen before?" must still hold when the event is appended.
-- Twice    with a fingerprint, the second run returns what the first did; without, there are two events.
local fingerprint = ARGV[5]
if fingerprint ~= '' then
  local record = redis.call('GET', KEYS[2])
  if record then
    local seen, id, version = string.match(record, '^(%S+) (%S+) (%S*)$')
    if seen ~= fingerprint then return redis.error_reply('IDEMPOTENCY_CONFLICT the key came with another event') end
    return { id, version, 1 }
  end
end

local entry = { 'e', ARGV[1] }
local function add(field, value)
  if value ~= '' then
    entry[#entry + 1] = field
    entry[#entry + 1] = value
  end
end

local version = ''
if ARGV[3] ~= '' and ARGV[8] == '0' then
  add('v', redis.call('HGET', KEYS[3], ARGV[3]) or '')
elseif ARGV[3] ~= '' then
  local head = redis.call('HGET', KEYS[3], ARGV[3]) or '0'
  local expected = ARGV[4]
  if expected ~= '' and expected ~= head and not (expected == '*' and head ~= '0') then
    return redis.error_reply('VERSION_CONFLICT ' .. head)
  end
  version = string.format('%d', head + 1)
  redis.call('HSET', KEYS[3], ARGV[3], version)
end
add('v', version)
add('m', ARGV[2])
add('d', ARGV[7])

local id = redis.call('XADD', KEYS[1], '*', unpack(entry))
if fingerprint ~= '' then
  redis.call('SET', KEYS[2], fingerprint .. ' ' .. id .. ' ' .. version, 'EX', ARGV[6])
end
return { id, version, 0 }
