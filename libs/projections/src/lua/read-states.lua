#!lua flags=no-writes
-- Reads the states that a batch can change.
--
-- KEYS[1]  the group's live hash (tick: the write token of its last commit)
-- KEYS[n]  from 2 on: the hashes to read
-- ARGV[1]  flat JSON list: for each hash, the number of fields, and then the fields
--
-- Returns a text of lines: the write token (empty if there is none), and then the values, hash by hash (empty for a field
--         that does not exist). No state contains a line break.
-- Errors  WRONG_TYPE <found> <expected> <key>
-- Cost: O(1) for each field, of about 2,000 at most. An event about all entries of a player concerns each board and period
--         of the partition: the caller reads 2,000 of them at a time.
-- Atomic  because the write token must be that of the moment when the states were read. One call returns one text: a batch
--         can concern one hash for each event, and a command and a reply for each would cost the caller more than reading.
-- Twice   reads only.

-- Lua can unpack about 8,000 values at once.
local MAX_UNPACK = 4000
local lines = { redis.call('HGET', KEYS[1], 'tick') or '' }
local function add(value)
  lines[#lines + 1] = value or ''
end

local wanted, at = cjson.decode(ARGV[1]), 1
for n = 2, #KEYS do
  local last = at + wanted[at]
  for from = at + 1, last, MAX_UNPACK do
    local to = math.min(from + MAX_UNPACK - 1, last)
    -- Most hashes have one field. HMGET would return a list for it, which costs more than the value.
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
