#!lua
-- Opens a partition for events again after a repartition has closed or marked it.
--
-- KEYS[1]  the gate (string: moving or closed, and the attempt)
-- KEYS[2]  players who got a session or a secret since the gate is moving (set)
-- ARGV[1]  the expected value of the gate
--
-- Returns 1, or 0 if the gate has another value: nothing was done
-- Cost: O(1)
-- Atomic  because another attempt could begin between the check and the deletion, and its gate must stay
-- Twice   the second run finds no gate
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
