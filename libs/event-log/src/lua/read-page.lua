#!lua flags=no-writes
-- Reads a page of a stream as one JSON text, with long values beside it.
--
-- KEYS[1]  the stream
-- KEYS[2]  for a partition of the log: its archive catalog (hash: floor, ...)
-- ARGV[1]  the first bound of the command
-- ARGV[2]  the second bound of the command
-- ARGV[3]  maximum entries
-- ARGV[4]  the command: XRANGE, or XREVRANGE for the newest entry first
--
-- Returns {0 if there is nothing more, 1 if there may be more in the stream, 2 if more is in the archive; the command's reply as JSON, where a number stands for a long value; value, value, ...}
-- Errors  BELOW_FLOOR <floor>: the first entries of an XRANGE are only in the archive
-- Cost: O(log n) per entry, for at most 1,000 entries or about 256 KiB. The length of entries is known only after reading, so
--         they are read eight at a time, or 16 while they are short. 16 saves of 256 KiB after short events make 4 MiB.
-- Atomic  because the archiver could raise the floor between reading it and reading the stream. It is also a script because a client parses one text faster than a thousand small
--         lists. That costs Redis more, and Redis has little else to do during a replay.
-- Twice   reads only
local BYTES, LONG, FEW, MANY = 262144, 256, 8, 16
local from, left, chunk, size = ARGV[1], tonumber(ARGV[3]), FEW, 0
local entries, texts, more = {}, {}, 0
local floor = KEYS[2] and redis.call('HGET', KEYS[2], 'floor')

local function parse(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end

local function is_below_floor(id)
  local ms, seq = parse(id)
  local floor_ms, floor_seq = parse(floor)
  return ms < floor_ms or (ms == floor_ms and seq < floor_seq)
end

if floor and ARGV[4] == 'XRANGE' and is_below_floor(from) then return redis.error_reply('BELOW_FLOOR ' .. floor) end

-- Moves long values out of an entry. Returns the length of all its values.
local function lighten(values)
  local length = 0
  for i, value in ipairs(values) do
    length = length + #value
    if #value > LONG then
      texts[#texts + 1] = value
      values[i] = #texts
    end
  end
  return length
end

while true do
  if left == 0 or size >= BYTES then
    more = 1
    break
  end
  local asked = math.min(chunk, left)
  local some, before = redis.call(ARGV[4], KEYS[1], from, ARGV[2], 'COUNT', asked), size
  for _, entry in ipairs(some) do
    size = size + lighten(entry[2])
    entries[#entries + 1] = entry
  end
  if #some < asked then
    if floor and ARGV[4] == 'XREVRANGE' then more = 2 end
    break
  end
  left = left - asked
  from = '(' .. some[asked][1]
  chunk = size - before < 1024 * asked and MANY or FEW
end
return { more, #entries == 0 and '[]' or cjson.encode(entries), unpack(texts) }
