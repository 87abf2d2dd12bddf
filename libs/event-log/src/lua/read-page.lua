#!lua flags=no-writes
-- Reads a page of a stream as one text, and what is long in it beside that.
--
-- KEYS[1]  the stream
-- ARGV[1]  where to begin, as the command takes it
-- ARGV[2]  where to end, as the command takes it
-- ARGV[3]  number of entries, at most
-- ARGV[4]  XRANGE, or XREVRANGE for the newest first
--
-- Returns {1 when there may be more else 0, JSON of what the command answers, where a number among the values means the text
--          with that number, text, text, ...}
-- Cost: O(log n) for each entry, of at most 1,000 and 256 KiB, about. How long entries are shows when they are read: eight
--         of them at once, or 16 while they are short: 16 saves of 256 KiB behind short events are 4 MiB.
-- Atomic  need not be: the log only grows. It is a script because one text costs the client less to read
--         than a thousand small lists; Redis, which hardly anything is asked of during a replay, works more for it.
-- Twice   it reads only.
local BYTES, LONG, FEW, MANY = 262144, 256, 8, 16
local from, left, chunk, size = ARGV[1], tonumber(ARGV[3]), FEW, 0
local entries, texts, more = {}, {}, 0

-- Takes what is long out of an entry. Returns how long it all is.
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
