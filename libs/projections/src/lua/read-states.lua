#!lua flags=no-writes
-- Reads the states that a batch concerns.
--
-- KEYS[1]  what is live for the group (hash: tick, ...)
-- KEYS[n]  from 2 on: hashes
-- ARGV[1]  JSON list, flat: of each of them how many fields follow, and these
--
-- Returns a text of lines: the tick, empty when there is none, and the values, hash by hash, empty for each that is not
--         there. No state has a line break in it.
-- Errors  WRONG_TYPE <found> <expected> <key>
-- Cost: O(1) for each field, of at most some 2,000. An event about all of a player's entries concerns each board and period
--         of the partition: the caller reads 2,000 of them at a time.
-- Atomic  because the tick says of which moment the states are. It is one call, and one text, for a batch can concern a
--         hash for each event, and a command and a reply for each cost the caller more than the reading.
-- Twice   it reads only.

-- Lua can unpack some 8,000.
local MANY = 4000
local lines = { redis.call('HGET', KEYS[1], 'tick') or '' }
local function add(value)
  lines[#lines + 1] = value or ''
end

local wanted, at = cjson.decode(ARGV[1]), 1
for n = 2, #KEYS do
  local last = at + wanted[at]
  for from = at + 1, last, MANY do
    -- Most hashes have one field, and a list of one costs more than what is in it.
    local to = math.min(from + MANY - 1, last)
    local values = redis.pcall(from == to and 'HGET' or 'HMGET', KEYS[n], unpack(wanted, from, to))
    if type(values) ~= 'table' then
      add(values)
    elseif values.err then
      return redis.error_reply('WRONG_TYPE ' .. redis.call('TYPE', KEYS[n]).ok .. ' hash ' .. KEYS[n])
    else
      for _, value in ipairs(values) do add(value) end
    end
  end
  at = last + 1
end
return table.concat(lines, '\n')
