#!lua
-- Removes a consumer unless it owns pending entries.
--
-- KEYS[1]  the partition's stream
-- ARGV[1]  the consumer group
-- ARGV[2]  the consumer
--
-- Returns 1 when it was removed, 0 when it owns pending entries or does not exist
-- Cost: O(n) for n consumers, usually fewer than 100.
-- Atomic  because removing a consumer discards its pending entries: one delivered after the check would be lost.
-- Twice   the second run finds no consumer.
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #info, 2 do consumer[info[i]] = info[i + 1] end
  if consumer['name'] == ARGV[2] and consumer['pending'] == 0 then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
    return 1
  end
end
return 0
