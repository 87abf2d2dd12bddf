#!lua
-- Adds a secret to a player, unless the log is being repartitioned, or the player's secrets were revoked in the meantime.
--
-- KEYS[1]  the gate of the player's partition (string: moving or closed, and the attempt)
-- KEYS[2]  players with changes since the gate was set (set)
-- KEYS[3]  the secrets of players (hash: player -> hashed secrets, oldest first, separated by spaces)
-- ARGV[1]  the player
-- ARGV[2]  the hashed secret
-- ARGV[3]  the expected beginning of the player's hashed secrets: cost and salt
-- ARGV[4]  maximum secrets; one more revokes the oldest
--
-- Returns 1, or 0 if the secrets have another beginning, or there are none: nothing was written
-- Errors  LOG_CLOSED: the log is being repartitioned, or was; nothing was written
-- Cost: O(1) for one player, with at most ten secrets
-- Atomic  because a secret must not outlive the revocation of all secrets, and two concurrent additions must both stay
-- Twice   adds the secret twice.
local gate = redis.call('GET', KEYS[1]) or ''
if string.sub(gate, 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end
local known = redis.call('HGET', KEYS[3], ARGV[1]) or ''
if string.sub(known, 1, #ARGV[3]) ~= ARGV[3] then return 0 end
if gate ~= '' then redis.call('SADD', KEYS[2], ARGV[1]) end
local hashes = {}
for hash in string.gmatch(known .. ' ' .. ARGV[2], '%S+') do hashes[#hashes + 1] = hash end
local first = math.max(1, #hashes - tonumber(ARGV[4]) + 1)
redis.call('HSET', KEYS[3], ARGV[1], table.concat(hashes, ' ', first))
return 1
