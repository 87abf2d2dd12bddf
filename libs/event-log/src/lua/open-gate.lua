#!lua
-- Has a partition take events again that was closed, or marked, to be moved.
--
-- KEYS[1]  the gate (string: moving or closed, and by whom)
-- KEYS[2]  players who got something that lets them in since the gate says moving (set)
-- ARGV[1]  what the gate must say
--
-- Returns 1, or 0 when the gate says something else: nothing was done
-- Cost: O(1)
-- Atomic  because another attempt can begin between looking and opening, and what it marks must stay.
-- Twice   the second run finds no gate.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('UNLINK', KEYS[1], KEYS[2])
return 1
