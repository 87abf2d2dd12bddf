#!lua
-- Notes in a partition's ledger what the log has, or what it has lost.
--
-- KEYS[1]  the ledger (hash)
-- KEYS[2]  the gate (string: moving or closed, and by whom)
-- ARGV[1]  the ledger's revision as it was read; empty when there was none
-- ARGV[2]  JSON object of fields to set
--
-- Returns 1, or 0 when the ledger was changed meanwhile or the log was moved away: nothing was done
-- Cost: O(1) for each field, of a dozen at most
-- Atomic  because of several processes that notice one loss, one must count it.
-- Twice   the second run finds another revision where the first set one, and else sets the same.
if string.sub(redis.call('GET', KEYS[2]) or '', 1, 6) == 'closed' then return 0 end
if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then return 0 end
for field, value in pairs(cjson.decode(ARGV[2])) do redis.call('HSET', KEYS[1], field, value) end
return 1
