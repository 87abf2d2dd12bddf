#!lua
-- Counts what a player's saves are, where nobody has: in a log that is older than the count, or was moved.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the player's heads (hash: slot -> `version id -` of a deletion, `version id/bytes` of a save, where old ones have
--          no bytes; `/profile`; `/usage` -> slots and bytes, once they are counted)
-- ARGV[1]  bytes of documents after which no further one is read
--
-- Returns 1 when all is counted, 0 when there is more to read: run it again.
-- Cost: O(1) for each slot, of as many as the quota allows, and O(bytes) that are read, which ARGV[1] limits
-- Atomic  because a save that is written meanwhile must be counted once.
-- Twice   the second run counts the same.
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
