#!lua
-- Has everybody use the partitions that an attempt has made.
--
-- KEYS[1]  how the streams are cut (hash)
-- ARGV[1]  names the attempt
-- ARGV[2]  JSON object: fields to set
--
-- Returns 1, or 0 when another attempt took its place: nothing was done
-- Cost: O(1) for each field, of some ten.
-- Atomic  because streams, counts and epochs belong together, and an attempt that was given up must not come true.
-- Twice   the second run finds that the attempt is over.
if string.match(redis.call('HGET', KEYS[1], 'moving') or '', '^%S+') ~= ARGV[1] then return 0 end
for field, value in pairs(cjson.decode(ARGV[2])) do redis.call('HSET', KEYS[1], field, value) end
redis.call('HDEL', KEYS[1], 'moving')
return 1
