#!lua
-- Acknowledges the events of a batch and applies what each of them changes, each of them once.
--
-- KEYS[1]  the partition's stream
-- KEYS[n]  from 2 on: every key that a change touches
-- ARGV[1]  the consumer group
-- ARGV[2]  JSON list: the Redis type that each of KEYS[2], KEYS[3], ... has or will get
-- ARGV[3]  JSON list of changes, in order: [event id, n of the state's hash, field,
--          revision the change was computed from or "", new value or false for none, effects]
--          where effects is a list of [command, n, arguments...] and a number among the arguments means ARGV[number]
-- ARGV[n]  from 4 on: documents that effects refer to
--
-- The value of a field begins with its revision, up to the first space.
--
-- Returns a string with one letter for each change: a applied, d duplicate (acknowledged before, so applied before),
--         c conflict (the state is not the one the change was computed from; nothing was done, compute it anew)
-- Errors  WRONG_TYPE <key>: nothing was done
-- Atomic  because the acknowledgement is what makes an effect happen once: neither may be without the other.
--         Lua does not roll back, hence types are checked first; and without `allow-oom` a full Redis refuses
--         the script as a whole, where it would otherwise acknowledge and then fail to write.
-- Twice   the second run finds nothing pending and answers d throughout.
local group = ARGV[1]
for i, expected in ipairs(cjson.decode(ARGV[2])) do
  local actual = redis.call('TYPE', KEYS[i + 1]).ok
  if actual ~= 'none' and actual ~= expected then return redis.error_reply('WRONG_TYPE ' .. KEYS[i + 1]) end
end

local function resolve(argument)
  return type(argument) == 'number' and ARGV[argument] or argument
end

local function is_pending(id)
  return #redis.call('XPENDING', KEYS[1], group, id, id, 1) == 1
end

local outcome, stale = {}, {}
for i, change in ipairs(cjson.decode(ARGV[3])) do
  local id, state, field, revision, value, effects = unpack(change)
  local address = state .. ' ' .. field
  local current = redis.call('HGET', KEYS[state], field)
  local matches = not stale[address] and (current and string.match(current, '^%S+') or '') == revision
  if matches and redis.call('XACK', KEYS[1], group, id) == 1 then
    if value then redis.call('HSET', KEYS[state], field, value) end
    for _, effect in ipairs(effects) do
      for n = 3, #effect do effect[n] = resolve(effect[n]) end
      redis.call(effect[1], KEYS[effect[2]], unpack(effect, 3))
    end
    outcome[i] = 'a'
  else
    -- Later changes of this state were computed as if this one had been made. Another worker's change can have
    -- brought the state to the very revision that they expect.
    stale[address] = true
    outcome[i] = is_pending(id) and 'c' or 'd'
  end
end
return table.concat(outcome)
