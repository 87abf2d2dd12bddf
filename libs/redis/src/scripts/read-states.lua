#!lua flags=no-writes
-- Reads the states that a batch concerns.
--
-- KEYS[n]  hashes
-- ARGV[1]  JSON list: of each of them, the fields
--
-- Returns the values, hash by hash, nil for each that is not there
-- Errors  WRONG_TYPE <key>
-- Atomic  need not be: what is computed from states is committed only if they are still the same. It is one call, for a
--         batch can concern a hash for each event, and a command for each costs the caller more than the reading.
-- Twice   it reads only.

-- Lua can unpack some 8,000.
local MANY = 4000
local values = {}
for n, fields in ipairs(cjson.decode(ARGV[1])) do
  for from = 1, #fields, MANY do
    local some = redis.pcall('HMGET', KEYS[n], unpack(fields, from, math.min(from + MANY - 1, #fields)))
    if some.err then return redis.error_reply('WRONG_TYPE ' .. KEYS[n]) end
    for _, value in ipairs(some) do values[#values + 1] = value end
  end
end
return values
