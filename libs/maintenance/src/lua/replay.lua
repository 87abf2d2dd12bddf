#!lua
-- Writes events of a log that is being moved to a partition that they belong to from now on, with what stands beside them.
--
-- KEYS[1]  the partition's stream
-- KEYS[n]  from 2 on, by number in the arguments
-- ARGV[1]  id of the stream's last entry until now; 0-0 when there is none
-- ARGV[2]  JSON list of [id, field, value, ...], in order; a number as value means ARGV[number]
-- ARGV[3]  JSON list of [n, field, value]: what hashes get; an empty value takes the field away
-- ARGV[4]  JSON list of [n, value, milliseconds]: strings that last so long
-- ARGV[n]  from 5 on: documents
--
-- Returns 1, or 0 when the stream's last entry is another one: nothing was done
-- Cost: O(log n) for each entry, of at most 250, and O(bytes), of at most 512 KiB and an entry.
-- Atomic  because it must be known after a failure whether it was done.
-- Twice   the second run finds another last entry.
local last = '0-0'
if redis.call('EXISTS', KEYS[1]) == 1 then
  local info = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last = info[i + 1] end
  end
end
if last ~= ARGV[1] then return 0 end
for _, entry in ipairs(cjson.decode(ARGV[2])) do
  for i = 3, #entry, 2 do
    if type(entry[i]) == 'number' then entry[i] = ARGV[entry[i]] end
  end
  redis.call('XADD', KEYS[1], unpack(entry))
end
for _, field in ipairs(cjson.decode(ARGV[3])) do
  if field[3] == '' then
    redis.call('HDEL', KEYS[field[1]], field[2])
  else
    redis.call('HSET', KEYS[field[1]], field[2], field[3])
  end
end
for _, record in ipairs(cjson.decode(ARGV[4])) do
  redis.call('SET', KEYS[record[1]], record[2], 'PX', record[3])
end
return 1
