#!lua
-- Keeps something that lets a player in.
--
-- KEYS[1]  the gate of the player's partition (string: moving or closed, and by whom)
-- KEYS[2]  players who got something since the gate says so (set)
-- KEYS[3]  where it is kept
-- ARGV[1]  the player
-- ARGV[2]  the command that keeps it: HSET or RPUSH
-- ARGV[n]  from 3 on: its arguments
--
-- Returns what the command answers
-- Errors  LOG_CLOSED: the log is being moved, or was; nothing was done
-- Cost: O(1)
-- Atomic  because what is kept while the log is being moved must be moved, too.
-- Twice   HSET changes nothing; of RPUSH there are two.
local gate = redis.call('GET', KEYS[1]) or ''
if string.sub(gate, 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
if gate ~= '' then redis.call('SADD', KEYS[2], ARGV[1]) end
return redis.call(ARGV[2], KEYS[3], unpack(ARGV, 3))
