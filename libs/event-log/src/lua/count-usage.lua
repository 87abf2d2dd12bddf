#!lua
-- Counts a player's saves where that has not been done: in a log older than the count, and after a repartition.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the player's heads (hash: slot -> `version id -` for a deletion, `version id/bytes` for a save, without bytes for an
--          old one; `/profile`; `/usage` -> slots and bytes, once they are counted)
-- ARGV[1]  maximum bytes of documents to read in this call
--
-- Returns 1 if everything is counted, 0 if there is more to read: run it again
-- Cost: O(1) per slot, limited by the quota, and O(bytes) read, limited by ARGV[1]
-- Atomic  because a save written at the same time must be counted exactly once
-- Twice   the second run counts the same
local flat = redis.call('HGETALL', KEYS[2])
local slots, bytes, was_read = 0, 0, 0

local function size_of(id)
  local entry = redis.call('XRANGE', KEYS[1], id, id)[1]
  if not entry then return 0 end
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'd' then return #entry[2][i + 1] end
  end
  return 0
end

for i = 1, #flat, 2 do
  local slot, head = flat[i], flat[i + 1]
  if string.sub(slot, 1, 1) ~= '/' then
    local version, id, size = string.match(head, '^(%d+) ([^ /]+)[ /]?(%S*)$')
    if size == '' then
      if was_read >= tonumber(ARGV[1]) then return 0 end
      size = size_of(id)
      was_read = was_read + size
      redis.call('HSET', KEYS[2], slot, version .. ' ' .. id .. '/' .. size)
    end
    slots, bytes = slots + 1, bytes + (tonumber(size) or 0)
  end
end
redis.call('HSET', KEYS[2], '/usage', string.format('%d %d', slots, bytes))
return 1
