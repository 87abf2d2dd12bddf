#!lua
-- Acknowledges the events of a batch and applies what each of them changes, each of them once.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  what is live for the group (hash: generation, revision, barrier, ...)
-- KEYS[n]  from 3 on: the hashes of ARGV[4], in that order, and then every other key that a change touches
-- ARGV[1]  the consumer group
-- ARGV[2]  generation and revision that the changes were computed for, with a space between
-- ARGV[3]  JSON list: the Redis type that each of those other keys has or will get
-- ARGV[4]  JSON list of the states that the changes were computed from, hash by hash: [fields, revisions or "" for none]
-- ARGV[5]  JSON list of changes, in order: [event id, states, writes, effects], the last two only where there are any;
--          where states are numbers of states, counted from 1 through all of ARGV[4],
--          writes a list of [state, value], effects a list of [command, n, arguments...];
--          a number as value or argument means ARGV[number], a list of one number KEYS[number]
-- ARGV[n]  from 6 on: long values and documents
--
-- The value of a field begins with its revision, up to the first space. The command LEVEL, with a sorted set and a
-- score, sees to it that the score is a member of KEYS[n] if, and only if, it is that of a member of the sorted set.
--
-- Returns a string with one letter for each change: a applied, d duplicate (acknowledged before, so applied before),
--         c conflict (a state is not the one the change was computed from; nothing was done, compute it anew),
--         w not now (a barrier stands before the event: a generation is being switched);
--         or the string "stale" when generation or revision are others: nothing was done.
--         Of changes without writes and effects the number of a and d is right, not always which is which.
-- Errors  WRONG_TYPE <key>: nothing was done
-- Atomic  because the acknowledgement is what makes an effect happen once: neither may be without the other.
--         Lua does not roll back, hence types are checked first; and without `allow-oom` a full Redis refuses
--         the script as a whole, where it would otherwise acknowledge and then fail to write.
--         An event that changes nothing is as good acknowledged late as early, and needs not be pending: such
--         events are acknowledged all at once, in the end.
-- Twice   the second run finds nothing pending and answers d throughout.

-- Lua can unpack some 8,000.
local MANY = 4000
local group = ARGV[1]
local live = redis.call('HMGET', KEYS[2], 'generation', 'revision', 'barrier')
if (live[1] or '1') .. ' ' .. (live[2] or '0') ~= ARGV[2] then return 'stale' end
local read = cjson.decode(ARGV[4])
for i, expected in ipairs(cjson.decode(ARGV[3])) do
  local key = KEYS[2 + #read + i]
  local actual = redis.call('TYPE', key).ok
  if actual ~= 'none' and actual ~= expected then return redis.error_reply('WRONG_TYPE ' .. key) end
end

local function parse(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end

-- "<id> <until> <owner>", where until is in milliseconds of the server's clock: it falls by itself when its builder dies.
local limit_ms, limit_seq, until_ms
if live[3] then
  limit_ms, limit_seq = parse(live[3])
  until_ms = tonumber(string.match(live[3], ' (%d+)'))
  local now = redis.call('TIME')
  if now[1] * 1000 + math.floor(now[2] / 1000) > until_ms then limit_ms = nil end
end

local function is_barred(id)
  if not limit_ms then return false end
  local ms, seq = parse(id)
  return ms > limit_ms or (ms == limit_ms and seq > limit_seq)
end

local function resolve(argument)
  if type(argument) == 'number' then return ARGV[argument] end
  return type(argument) == 'table' and KEYS[argument[1]] or argument
end

local function perform(command, key, ...)
  if command ~= 'LEVEL' then return redis.call(command, key, ...) end
  local ranks, score = ...
  if redis.call('ZCOUNT', ranks, score, score) > 0 then
    redis.call('ZADD', key, score, score)
  else
    redis.call('ZREM', key, score)
  end
end

local function is_pending(id)
  return #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 1
end

-- Where each state is, and whether it is the one that changes were computed from.
local hashes, fields, is_good = {}, {}, {}
for n, states in ipairs(read) do
  local key, names, revisions = KEYS[n + 2], states[1], states[2]
  for from = 1, #names, MANY do
    local values = redis.pcall('HMGET', key, unpack(names, from, math.min(from + MANY - 1, #names)))
    if values.err then return redis.error_reply('WRONG_TYPE ' .. key) end
    for i, value in ipairs(values) do
      local state = #is_good + 1
      hashes[state] = key
      fields[state] = names[from + i - 1]
      is_good[state] = (value and string.match(value, '^%S+') or '') == revisions[from + i - 1]
    end
  end
end

local function holds(states)
  for _, state in ipairs(states) do
    if not is_good[state] then return false end
  end
  return true
end

local outcome, idle, idle_ids = {}, {}, {}
for i, change in ipairs(cjson.decode(ARGV[5])) do
  local id, states, writes, effects = unpack(change)
  local barred = is_barred(id)
  if not barred and not writes and holds(states) then
    idle[#idle + 1] = i
    idle_ids[#idle_ids + 1] = id
    outcome[i] = 'a'
  elseif not barred and holds(states) and redis.call('XACK', KEYS[1], group, id) == 1 then
    for _, write in ipairs(writes) do
      redis.call('HSET', hashes[write[1]], fields[write[1]], resolve(write[2]))
    end
    for _, effect in ipairs(effects) do
      for k = 3, #effect do effect[k] = resolve(effect[k]) end
      perform(effect[1], KEYS[effect[2]], unpack(effect, 3))
    end
    outcome[i] = 'a'
  else
    -- Later changes of these states were computed as if this one had been made. Another worker's change can have
    -- brought the state to the very revision that they expect.
    for _, write in ipairs(writes or {}) do is_good[write[1]] = false end
    outcome[i] = barred and 'w' or is_pending(id) and 'c' or 'd'
  end
end

local acknowledged = 0
for from = 1, #idle, MANY do
  local some = math.min(from + MANY - 1, #idle)
  acknowledged = acknowledged + redis.call('XACK', KEYS[1], group, unpack(idle_ids, from, some))
end
for n = acknowledged + 1, #idle do outcome[idle[n]] = 'd' end
return table.concat(outcome)
