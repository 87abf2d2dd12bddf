#!lua
-- Creates a consumer group of a partition, unless it is there.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the ledger (hash: group:<group> -> the id that it had been given last, first -> the log's first entry, ...)
-- KEYS[3]  what is live for the group (hash: tick, acknowledged, ...)
-- ARGV[1]  the consumer group
--
-- Returns "there"; "created" for one that begins with the first event; "behind" for one that was there before and was
--         deleted: what it has applied must not be given to it again, so it begins behind the last event, and what it had
--         not applied is to be got by a rebuild
-- Cost: O(1) for each group, of three
-- Atomic  because another worker can create it between looking and creating.
-- Twice   the second run finds the group.
if redis.call('EXISTS', KEYS[1]) == 1 then
  for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
    for i = 1, #flat, 2 do
      if flat[i] == 'name' and flat[i + 1] == ARGV[1] then return 'there' end
    end
  end
end
local was_given = redis.call('HGET', KEYS[2], 'group:' .. ARGV[1])
local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
local applied = redis.call('HEXISTS', KEYS[3], 'tick') == 1
-- A log that begins behind all that the group was given is another log: nothing of it was applied.
local function is_after(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  ams, aseq, bms, bseq = tonumber(ams), tonumber(aseq), tonumber(bms), tonumber(bseq)
  return ams > bms or (ams == bms and aseq > bseq)
end
local is_other = not first or (was_given and is_after(first[1], was_given))
local is_behind = not is_other and ((was_given and was_given ~= '0-0') or applied)
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], is_behind and '$' or '0', 'MKSTREAM')
if not is_behind then
  -- Nothing is delivered: from here on, a difference shows that events were skipped (see look-at-log).
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  local stream = {}
  for i = 1, #info, 2 do stream[info[i]] = info[i + 1] end
  local acknowledged = tonumber(redis.call('HGET', KEYS[3], 'acknowledged') or '0') or 0
  local account = stream['entries-added'] - stream['length'] - acknowledged
  redis.call('HSET', KEYS[2], 'account:' .. ARGV[1], string.format('%d', account))
  return 'created'
end
redis.call('HSET', KEYS[2], 'reset:' .. ARGV[1], first[1])
return 'behind'
