#!lua
-- Acknowledges the events of a batch and makes the changes of each event, once.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  the group's live hash (generation, revision, barrier, tick, acknowledged, ...); `tick` is the write token
-- KEYS[n]  from 3 on: the hashes of ARGV[6], if any, in that order, and then every other key that a change uses
-- ARGV[1]  the consumer group
-- ARGV[2]  generation and revision that the changes were computed for, separated by a space
-- ARGV[3]  the write token of the moment when the states were read, or empty
-- ARGV[4]  a new write token, which this call sets if it changes anything
-- ARGV[5]  JSON list of n, type, n, type, ...: the Redis types that KEYS must have or will get. Keys that were read are
--          not listed: reading has checked them
-- ARGV[6]  JSON list of the states that the changes were computed from, hash by hash: [fields, revisions, "" for none].
--          Empty if the script is to compare only the write token
-- ARGV[7]  flat JSON list of changes, in order. Each is: the id of the event; the number of states, and the positions of
--          these states, counted from 1 through all hashes of ARGV[6]; the number of commands, and the commands.
--          A command is: the number of words that follow, command, n (for KEYS[n]), arguments. A number as argument means
--          ARGV[number], a list of one number KEYS[number]
-- ARGV[8]  JSON list of ids of events that change nothing
-- ARGV[9]  JSON list: for each of these events, the positions of its states
-- ARGV[n]  from 10 on: long values and documents
--
-- The value of a field begins with its revision, up to the first space. Two commands are not from Redis: FIELD is HSET for a
-- hash of which other fields are written, too. LEVEL takes a sorted set and a score, and makes the score a member of KEYS[n]
-- if a member of the sorted set has that score, or else removes it.
--
-- Returns a string with one letter for each change, and then for each event of ARGV[8]:
--           a  applied
--           d  duplicate: acknowledged before, so applied before
--           c  conflict: a state is not the one that the change was computed from; nothing was done, compute it again
--           w  wait: a switch of generations has set a barrier before the event
--         If nothing was done for any event, it returns "stale" (generation or revision have changed) or "moved" (the write
--         token has changed, and there is no list of states to compare).
--         For events that change nothing, the numbers of a and d are right, but not always which event has which letter.
-- Errors  WRONG_TYPE <found> <expected> <key>: nothing was done
-- Cost: O(log n) for each change of a state, each effect and each event, of about 2,000 at most in all. An event about all
--         entries of a player adds O(log n) for each board and period of the partition where the player has an entry, and
--         O(1) for each other one if another worker was in between.
-- Atomic  because an event takes effect exactly once only if it is acknowledged in the same step.
--         Lua does not roll back, so types are checked first. Without `allow-oom`, a full Redis refuses the script as a
--         whole; otherwise it could acknowledge and then fail to write.
--         Only this script changes states, and each time it sets a new write token. If the token is the same as when the
--         states were read, the states are the same; if not, the script compares each of them.
--         Events that change nothing can be acknowledged at any time, so they are acknowledged together at the end.
-- Twice   the second run finds nothing pending and answers d for every event.

-- Lua can unpack about 8,000 values at once.
local MAX_UNPACK = 4000
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

-- A barrier is "<id> <until> <owner>", where until is in milliseconds of the server's clock: it expires if its owner dies.
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

-- The positions of states that are not the ones that the changes were computed from.
local changed = {}
if has_moved then
  local state = 0
  for n, states in ipairs(cjson.decode(ARGV[6])) do
    local names, revisions = states[1], states[2]
    for from = 1, #names, MAX_UNPACK do
      local values = redis.pcall('HMGET', KEYS[n + 2], unpack(names, from, math.min(from + MAX_UNPACK - 1, #names)))
      if values.err then
        return redis.error_reply('WRONG_TYPE ' .. redis.call('TYPE', KEYS[n + 2]).ok .. ' hash ' .. KEYS[n + 2])
      end
      for i, value in ipairs(values) do
        state = state + 1
        if (value and string.match(value, '^%S+') or '') ~= revisions[from + i - 1] then changed[state] = true end
      end
    end
  end
end

local function any_changed(list, first, last)
  for i = first, last do
    if changed[list[i]] then return true end
  end
  return false
end

local function letter_of(id)
  if is_barred(id) then return 'w' end
  return #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 1 and 'c' or 'd'
end

-- New values of fields, members and levels, by key. They are collected and written together, since one command for many
-- costs little more than one for one, and only the last value of each counts. `collected` has the keys that wait to be
-- written: before another command uses such a key, everything is written.
local hashes, sets, levels, collected = {}, {}, {}, {}
local function values_of(all, key)
  if not all[key] then
    all[key], collected[key] = {}, true
  end
  return all[key]
end

local function write(command, key, list)
  for from = 1, #list, MAX_UNPACK do
    redis.call(command, key, unpack(list, from, math.min(from + MAX_UNPACK - 1, #list)))
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
  hashes, sets, levels, collected = {}, {}, {}, {}
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
    values_of(hashes, key)[one] = other
  elseif command == 'ZADD' then
    values_of(sets, key)[other] = one
  elseif command == 'ZREM' then
    values_of(sets, key)[one] = false
  elseif command == 'LEVEL' then
    values_of(levels, key)[other] = one
    collected[one] = true
  else
    -- A Redis module can refuse a value and end the script. Earlier events are acknowledged by then, so their changes are
    -- written first.
    if collected[key] or command == 'JSON.SET' then write_all() end
    redis.call(command, key, unpack(changes, first + 2, last))
  end
end

local outcome, at, applied = {}, 1, 0
while changes[at] do
  local id, first, last = changes[at], at + 2, at + 1 + changes[at + 1]
  local applies = not is_barred(id) and not any_changed(changes, first, last) and redis.call('XACK', KEYS[1], group, id) == 1
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
    -- Later changes of these states were computed as if this one had been made, so they conflict, too. Comparing revisions
    -- would not be enough: another worker's change can have led to the revision that they expect.
    for i = first, last do changed[changes[i]] = true end
  end
  outcome[#outcome + 1] = applies and 'a' or letter_of(id)
end
write_all()
if applied > 0 then redis.call('HSET', KEYS[2], 'tick', ARGV[4]) end

local empty = cjson.decode(ARGV[8])
local before, letters = #outcome, {}
if limit_ms or next(changed) then
  local kept, states = {}, cjson.decode(ARGV[9])
  for i, id in ipairs(empty) do
    if is_barred(id) or any_changed(states[i], 1, #states[i]) then
      outcome[before + i] = letter_of(id)
    else
      kept[#kept + 1] = id
      letters[#kept] = before + i
    end
  end
  empty = kept
end
local acknowledged = 0
for from = 1, #empty, MAX_UNPACK do
  local some = math.min(from + MAX_UNPACK - 1, #empty)
  acknowledged = acknowledged + redis.call('XACK', KEYS[1], group, unpack(empty, from, some))
end
-- With the number of pending events, look-at-log.lua computes from this whether the group has received every event.
if applied + acknowledged > 0 then
  local count = (tonumber(live[5]) or 0) + applied + acknowledged
  redis.call('HSET', KEYS[2], 'acknowledged', string.format('%d', count))
end
for n = 1, #empty do outcome[letters[n] or before + n] = n <= acknowledged and 'a' or 'd' end
return table.concat(outcome)
