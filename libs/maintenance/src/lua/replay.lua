#!lua
-- Writes events of a log that is being repartitioned to a new partition, with the records beside them.
--
-- KEYS[1]  the partition's stream
-- KEYS[n]  from 2 on, by number in the arguments
-- ARGV[1]  id of the stream's last entry so far; 0-0 if there is none
-- ARGV[2]  JSON list of [id, field, value, ...], in order; a number as value refers to ARGV[number]
-- ARGV[3]  JSON list of [n, field, value] to set in hashes; an empty value deletes the field
-- ARGV[4]  JSON list of [n, value, milliseconds]: strings that expire
-- ARGV[n]  from 5 on: documents
--
-- Returns 1, or 0 if the stream's last entry is another one: nothing was done
-- Cost: O(log n) per entry, for at most 250, and O(bytes), for at most 512 KiB and one entry
-- Atomic  because the caller must know after a failure whether the call was executed
-- Twice   the second run finds another last entry
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
