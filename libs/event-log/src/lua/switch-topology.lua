#!lua
-- Makes the new partitions of a repartition the current ones.
--
-- KEYS[1]  the topology (hash)
-- ARGV[1]  the name of the attempt
-- ARGV[2]  JSON object: fields to set
--
-- Returns 1, or 0 if another attempt has replaced this one: nothing was done
-- Cost: O(1) per field, for about ten
-- Atomic  because counts and epochs belong together, and an abandoned attempt must not take effect
-- Twice   the second run finds that the attempt is over
if string.match(redis.call('HGET', KEYS[1], 'moving') or '', '^%S+') ~= ARGV[1] then return 0 end
for field, value in pairs(cjson.decode(ARGV[2])) do redis.call('HSET', KEYS[1], field, value) end
redis.call('HDEL', KEYS[1], 'moving')
return 1
