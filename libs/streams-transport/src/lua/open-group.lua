#!lua
-- Creates a consumer group of a partition unless it exists.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the ledger (hash: group:<group> -> last id that was delivered to it, first -> id of the first entry of the log, ...)
-- KEYS[3]  the live state of the group (hash: tick, acknowledged, ...)
-- KEYS[4]  the archive catalog (hash: floor, ...)
-- ARGV[1]  the consumer group
--
-- Returns "there" when the group exists; "created" for a group that starts at the first event; "behind" for a group that
--         was deleted. A deleted group starts after the last event, because the events that it had applied must not be
--         delivered again. The events that it had not applied are restored by a rebuild
-- Errors  GROUP_BELOW_FLOOR <group> <floor>: the events up to the floor are only in the archive, and a new group would skip them
-- Cost: O(1) for each group, of which there are three
-- Atomic  because another worker could create the group between the check and the creation.
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
-- If the log starts after everything that was delivered to the group, it is another log, of which nothing was applied.
local function is_after(a, b)
  local ams, aseq = string.match(a, '^(%d+)-(%d+)$')
  local bms, bseq = string.match(b, '^(%d+)-(%d+)$')
  ams, aseq, bms, bseq = tonumber(ams), tonumber(aseq), tonumber(bms), tonumber(bseq)
  return ams > bms or (ams == bms and aseq > bseq)
end
-- A log with archived events is the same log, although its tail starts later.
local floor = redis.call('HGET', KEYS[4], 'floor')
local is_other = not floor and (not first or (was_given and is_after(first[1], was_given)))
local is_behind = not is_other and ((was_given and was_given ~= '0-0') or applied)
if floor and not is_behind then return redis.error_reply('GROUP_BELOW_FLOOR ' .. ARGV[1] .. ' ' .. floor) end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], is_behind and '$' or '0', 'MKSTREAM')
if not is_behind then
  -- Nothing has been delivered yet. If the account differs later, events were skipped (see look-at-log).
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  local stream = {}
  for i = 1, #info, 2 do stream[info[i]] = info[i + 1] end
  local acknowledged = tonumber(redis.call('HGET', KEYS[3], 'acknowledged') or '0') or 0
  local account = stream['entries-added'] - stream['length'] - acknowledged
  redis.call('HSET', KEYS[2], 'account:' .. ARGV[1], string.format('%d', account))
  return 'created'
end
redis.call('HSET', KEYS[2], 'reset:' .. ARGV[1], first and first[1] or floor)
return 'behind'
