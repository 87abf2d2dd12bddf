#!lua
-- Acknowledges the events of a batch and applies what each of them changes, each of them once.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  what is live for the group (hash: generation, revision, barrier, tick, acknowledged, ...)
-- KEYS[n]  from 3 on: the hashes of ARGV[6], if any, in that order, and then every other key that a change touches
-- ARGV[1]  the consumer group
-- ARGV[2]  generation and revision that the changes were computed for, with a space between
-- ARGV[3]  the tick of the moment when the states were read, or empty
-- ARGV[4]  the tick that this call sets if it changes anything; it was never set before
-- ARGV[5]  JSON list of n, type, n, type, ...: the Redis types that keys have or will get, but for those that were read
-- ARGV[6]  JSON list of the states that the changes were computed from, hash by hash: [fields, revisions or "" for none];
--          or empty, if only the tick is to be compared
-- ARGV[7]  JSON list of changes, in order, flat: of each of them its event's id; how many states follow, and these, by numbers
--          that count from 1, hash by hash as in ARGV[6]; how many commands follow, and these.
--          A command is how many words follow, and these: command, n, arguments; a number as argument means
--          ARGV[number], a list of one number KEYS[number]
-- ARGV[8]  JSON list of ids of events that change nothing
-- ARGV[9]  JSON list: of each of these events, the numbers of its states
-- ARGV[n]  from 10 on: long values and documents
--
-- The value of a field begins with its revision, up to the first space. Besides those of Redis there are two commands.
-- FIELD is HSET for a hash of which other fields are written, too. LEVEL, with a sorted set and a score, sees to it that
-- in the end the score is a member of KEYS[n] if, and only if, it is that of a member of the sorted set.
--
-- Returns a string with one letter for each change, and then for each event of ARGV[8]: a applied, d duplicate
--         (acknowledged before, so applied before), c conflict (a state is not the one the change was computed from;
--         nothing was done, compute it anew), w not now (a barrier stands before the event: a generation is being
--         switched); or, when nothing was done, the string "stale" (generation or revision are others) or "moved"
--         (the tick is another, and there is no list of states).
--         Of events that change nothing the number of a and d is right, not always which is which.
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was done
-- Cost: O(log n) for each change of a state, each effect and each event, of at most some 2,000 in all. An event about all of a
--         player's entries adds O(log n) for each board and period of the partition where the player has an entry, and O(1) for each
--         other one if another worker was in between.
-- Atomic  because the acknowledgement is what makes an effect happen once: neither may be without the other.
--         Lua does not roll back, hence types are checked first; and without `allow-oom` a full Redis refuses
--         the script as a whole, where it would otherwise acknowledge and then fail to write.
--         Every change of a state is made here, and sets a tick of its own. While the tick is that of the moment when
--         states were read, they are the same; with another one they must be listed, and each of them is compared.
--         An event that changes nothing is as good acknowledged late as early, and needs not be pending: such
--         events are acknowledged all at once, in the end.
-- Twice   the second run finds nothing pending and answers d throughout.

-- Lua can unpack some 8,000.
local MANY = 4000
local group = ARGV[1]
local live = redis.call('HMGET', KEYS[2], 'generation', 'revision', 'barrier', 'tick', 'acknowledged')
if (live[1] or '1') .. ' ' .. (live[2] or '0') ~= ARGV[2] then return 'stale' end
local has_moved = (live[4] or '') ~= ARGV[3]
if has_moved and ARGV[6] == '' then return 'moved' end
local types = cjson.decode(ARGV[5])
for i = 1, #types, 2 do
  local key = KEYS[types[i]]
  local actual = redis.call('TYPE', key).ok
  if actual ~= 'none' and actual ~= types[i + 1] then
    return redis.error_reply('WRONG_TYPE ' .. actual .. ' ' .. types[i + 1] .. ' ' .. key)
  end
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

-- By number, the states that are not the ones that changes were computed from.
local lost = {}
if has_moved then
  local state = 0
  for n, states in ipairs(cjson.decode(ARGV[6])) do
    local names, revisions = states[1], states[2]
    for from = 1, #names, MANY do
      local values = redis.pcall('HMGET', KEYS[n + 2], unpack(names, from, math.min(from + MANY - 1, #names)))
      if values.err then
        return redis.error_reply('WRONG_TYPE ' .. redis.call('TYPE', KEYS[n + 2]).ok .. ' hash ' .. KEYS[n + 2])
      end
      for i, value in ipairs(values) do
        state = state + 1
        if (value and string.match(value, '^%S+') or '') ~= revisions[from + i - 1] then lost[state] = true end
      end
    end
  end
end

local function any_lost(list, first, last)
  for i = first, last do
    if lost[list[i]] then return true end
  end
  return false
end

local function letter_of(id)
  if is_barred(id) then return 'w' end
  return #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 1 and 'c' or 'd'
end

-- What fields, members and levels become, key by key, until it is written: a command for many of them costs little more
-- than one for one, and of each of them only the last word counts. `touched` are the keys that this is about: a command
-- that is carried out at once comes after what came before.
local hashes, sets, levels, touched = {}, {}, {}, {}
local function of(all, key)
  if not all[key] then
    all[key], touched[key] = {}, true
  end
  return all[key]
end

local function write(command, key, list)
  for from = 1, #list, MANY do
    redis.call(command, key, unpack(list, from, math.min(from + MANY - 1, #list)))
  end
end

local function write_members(key, scores)
  local added, removed = {}, {}
  for member, score in pairs(scores) do
    if score then
      added[#added + 1] = score
      added[#added + 1] = member
    else
      removed[#removed + 1] = member
    end
  end
  write('ZADD', key, added)
  write('ZREM', key, removed)
end

local function write_all()
  for key, values in pairs(hashes) do
    local list = {}
    for field, value in pairs(values) do
      list[#list + 1] = field
      list[#list + 1] = value
    end
    write('HSET', key, list)
  end
  for key, scores in pairs(sets) do write_members(key, scores) end
  for key, scores in pairs(levels) do
    for score, ranks in pairs(scores) do scores[score] = redis.call('ZCOUNT', ranks, score, score) > 0 and score end
    write_members(key, scores)
  end
  hashes, sets, levels, touched = {}, {}, {}, {}
end

local changes = cjson.decode(ARGV[7])
local function perform(first, last)
  local command, key = changes[first], KEYS[changes[first + 1]]
  for i = first + 2, last do
    local argument = changes[i]
    if type(argument) == 'number' then
      changes[i] = ARGV[argument]
    elseif type(argument) == 'table' then
      changes[i] = KEYS[argument[1]]
    end
  end
  local one, other = changes[first + 2], changes[first + 3]
  if command == 'FIELD' then
    of(hashes, key)[one] = other
  elseif command == 'ZADD' then
    of(sets, key)[other] = one
  elseif command == 'ZREM' then
    of(sets, key)[one] = false
  elseif command == 'LEVEL' then
    of(levels, key)[other] = one
    touched[one] = true
  else
    -- A module can refuse a value: nothing that was acknowledged before must go with it.
    if touched[key] or command == 'JSON.SET' then write_all() end
    redis.call(command, key, unpack(changes, first + 2, last))
  end
end

local outcome, at, applied = {}, 1, 0
while changes[at] do
  local id, first, last = changes[at], at + 2, at + 1 + changes[at + 1]
  local applies = not is_barred(id) and not any_lost(changes, first, last) and redis.call('XACK', KEYS[1], group, id) == 1
  local commands = changes[last + 1]
  at = last + 2
  for _ = 1, commands do
    local next = at + 1 + changes[at]
    if applies then perform(at + 1, next - 1) end
    at = next
  end
  if applies then
    applied = applied + 1
  else
    -- Later changes of these states were computed as if this one had been made. Another worker's change can have
    -- brought the state to the very revision that they expect.
    for i = first, last do lost[changes[i]] = true end
  end
  outcome[#outcome + 1] = applies and 'a' or letter_of(id)
end
write_all()
if applied > 0 then redis.call('HSET', KEYS[2], 'tick', ARGV[4]) end

local idle = cjson.decode(ARGV[8])
local before, letters = #outcome, {}
if limit_ms or next(lost) then
  local kept, states = {}, cjson.decode(ARGV[9])
  for i, id in ipairs(idle) do
    if is_barred(id) or any_lost(states[i], 1, #states[i]) then
      outcome[before + i] = letter_of(id)
    else
      kept[#kept + 1] = id
      letters[#kept] = before + i
    end
  end
  idle = kept
end
local acknowledged = 0
for from = 1, #idle, MANY do
  local some = math.min(from + MANY - 1, #idle)
  acknowledged = acknowledged + redis.call('XACK', KEYS[1], group, unpack(idle, from, some))
end
-- It tells, with what is pending, whether the group was given every event: see look-at-log.
if applied + acknowledged > 0 then
  local count = (tonumber(live[5]) or 0) + applied + acknowledged
  redis.call('HSET', KEYS[2], 'acknowledged', string.format('%d', count))
end
for n = 1, #idle do outcome[letters[n] or before + n] = n <= acknowledged and 'a' or 'd' end
return table.concat(outcome)
