#!lua
-- Stores in a partition's ledger the extent of the log, or a loss.
--
-- KEYS[1]  the ledger (hash)
-- KEYS[2]  the gate (string: moving or closed, and the attempt)
-- ARGV[1]  the ledger's revision as it was read; empty if there was none
-- ARGV[2]  JSON object of fields to set
--
-- Returns 1, or 0 if the ledger was changed in between, or the log was repartitioned: nothing was done
-- Cost: O(1) per field, for at most a dozen
-- Atomic  because several processes can notice the same loss, and only one may count it
-- Twice   the second run finds another revision if the first one set it; otherwise it sets the same
if string.sub(redis.call('GET', KEYS[2]) or '', 1, 6) == 'closed' then return 0 end
if (redis.call('HGET', KEYS[1], 'revision') or '') ~= ARGV[1] then return 0 end
for field, value in pairs(cjson.decode(ARGV[2])) do redis.call('HSET', KEYS[1], field, value) end
return 1
