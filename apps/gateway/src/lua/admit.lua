#!lua
-- Admits things that have a cost: each when, with it, no window of time has more than the limit; else it counts nothing.
--
-- Time is cut into slots, 20 to a window. What counts is the slot of now and the 20 before it, the oldest of them
-- whole: a little more than a window, so never less than any window that ends now.
--
-- KEYS[n]  what was admitted (string: a MessagePack list of the milliseconds of a slot, the number of the newest slot,
--          the sum of what follows, what was admitted in the newest slot, in the one before it, and so on)
-- ARGV[n]  for each of KEYS three: limit; milliseconds of a window; cost, at least 1 and at most the limit
--
-- Returns a list with, for each, a string of numbers: 1 when it is admitted else 0, what is left of the limit,
--         milliseconds until the cost fits (0 when admitted), milliseconds until all of the limit is there again
-- Cost: O(1) for each thing, of at most 32: 21 slots are looked at.
-- Atomic  because of two that fit by themselves only one may fit.
-- Twice   it is counted twice.
local SLOTS = 20
local WIDTH, NEWEST, TOTAL, COUNTS = 1, 2, 3, 3

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function moved_to(slot, state)
  local moved, passed = { state[WIDTH], slot, 0, 0 }, slot - state[NEWEST]
  for age = 2, passed do
    if age > SLOTS + 1 then break end
    moved[COUNTS + age] = 0
  end
  for age = 1, math.min(#state - COUNTS, SLOTS + 1 - passed) do
    local count = state[COUNTS + age]
    moved[COUNTS + age + passed] = count
    moved[TOTAL] = moved[TOTAL] + count
  end
  return moved
end

-- By key: read once and written once, however often it is named.
local states, is_changed = {}, {}

local function read(key)
  local known = redis.call('GET', key)
  return known and cmsgpack.unpack(known)
end

-- What counts now, and whether nobody knows how old it is.
local function state_of(key, width)
  local slot = math.floor(now / width)
  local state = states[key] or read(key) or { width, slot, 0, 0 }
  -- The clock went back a little, as it does when a replica takes over: for us it stands still meanwhile.
  if state[NEWEST] > slot and state[NEWEST] - slot <= SLOTS then slot = state[NEWEST] end
  -- It went back far, or the window is another one by now: all of it counts as new.
  if state[NEWEST] > slot or state[WIDTH] ~= width then
    return { width, slot, state[TOTAL], state[TOTAL] }, true
  end
  return state[NEWEST] < slot and moved_to(slot, state) or state, false
end

local function leaves_after(state, age) return (state[NEWEST] - age + SLOTS + 2) * state[WIDTH] - now end

-- The oldest leave first.
local function fits_after(state, limit, cost)
  local left = limit - state[TOTAL]
  for age = #state - COUNTS, 1, -1 do
    left = left + state[COUNTS + age]
    if left >= cost then return leaves_after(state, age) end
  end
end

local function all_left_after(state)
  for age = 1, #state - COUNTS do
    if state[COUNTS + age] > 0 then return leaves_after(state, age) end
  end
  return 0
end

local function keep(key, state)
  -- Neither the append-only file nor a replica needs to know: else each read would wait for the disk.
  redis.set_repl(redis.REPL_NONE)
  -- One slot more than needed, as expiry has a clock of its own, that of the moment at which the script began.
  local life = string.format('%d', leaves_after(state, 1) + state[WIDTH])
  redis.call('SET', key, cmsgpack.pack(state), 'PX', life)
end

local function admit(key, limit, window, cost)
  local state, is_strange = state_of(key, math.ceil(window / SLOTS))
  states[key] = state
  -- Even when nothing is admitted: else it would be new at every look.
  if is_strange then is_changed[key] = true end
  if state[TOTAL] + cost > limit then
    local left = math.max(limit - state[TOTAL], 0)
    return string.format('0 %d %d %d', left, fits_after(state, limit, cost), all_left_after(state))
  end
  state[TOTAL] = state[TOTAL] + cost
  state[COUNTS + 1] = state[COUNTS + 1] + cost
  is_changed[key] = true
  return string.format('1 %d 0 %d', limit - state[TOTAL], leaves_after(state, 1))
end

local admitted = {}
for i, key in ipairs(KEYS) do
  local n = 3 * i
  admitted[i] = admit(key, tonumber(ARGV[n - 2]), tonumber(ARGV[n - 1]), tonumber(ARGV[n]))
end
for key in pairs(is_changed) do keep(key, states[key]) end
return admitted
