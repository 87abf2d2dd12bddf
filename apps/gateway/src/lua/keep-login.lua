#!lua
-- Stores or deletes a credential, or stores a session, of a player, unless the log is being moved.
--
-- KEYS[1]  the gate of the player's partition (string: moving or closed, and by whom)
-- KEYS[2]  players with changes since the gate was set (set)
-- KEYS[3]  the key to write to
-- ARGV[1]  the player
-- ARGV[2]  the command that writes: HSET, HDEL, or RPUSH
-- ARGV[n]  from 3 on: its arguments
--
-- Returns the reply of the command
-- Errors  LOG_CLOSED: the log is being moved, or was moved; nothing was written
-- Cost: O(1)
-- Atomic  because everything that is written during a move must be moved, too.
-- Twice   HSET and HDEL change nothing; RPUSH adds a second element.
local gate = redis.call('GET', KEYS[1]) or ''
if string.sub(gate, 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
if gate ~= '' then redis.call('SADD', KEYS[2], ARGV[1]) end
return redis.call(ARGV[2], KEYS[3], unpack(ARGV, 3))
