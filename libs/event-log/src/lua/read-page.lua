#!lua flags=no-writes
-- Reads a page of a stream as one JSON text, with long values beside it.
--
-- KEYS[1]  the stream
-- ARGV[1]  the first bound of the command
-- ARGV[2]  the second bound of the command
-- ARGV[3]  maximum entries
-- ARGV[4]  the command: XRANGE, or XREVRANGE for the newest entry first
--
-- Returns {1 if there may be more, else 0; the command's reply as JSON, where a number stands for a long value; value, value, ...}
-- Cost: O(log n) per entry, for at most 1,000 entries or about 256 KiB. The length of entries is known only after reading, so
--         they are read eight at a time, or 16 while they are short. 16 saves of 256 KiB after short events make 4 MiB.
-- Atomic  not required, because the log only grows. It is a script because a client parses one text faster than a thousand small
--         lists. That costs Redis more, and Redis has little else to do during a replay.
-- Twice   reads only
local BYTES, LONG, FEW, MANY = 262144, 256, 8, 16
local from, left, chunk, size = ARGV[1], tonumber(ARGV[3]), FEW, 0
local entries, texts, more = {}, {}, 0

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
  if #some < asked then break end
  left = left - asked
  from = '(' .. some[asked][1]
  chunk = size - before < 1024 * asked and MANY or FEW
end
return { more, #entries == 0 and '[]' or cjson.encode(entries), unpack(texts) }
