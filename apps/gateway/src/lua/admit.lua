#!lua
-- Admits costs under a sliding-window limit: a cost that would exceed the limit in any window is refused, and counts nothing.
--
-- A window is cut into 20 slots. The current slot and the 20 before it count, the oldest of them completely. That is a little
-- more than a window, so no window that ends now has more than the limit.
--
-- KEYS[n]  admitted costs (string: a MessagePack list of the milliseconds of a slot, the number of the newest slot,
--          the sum of the following, and the costs of the newest slot, of the one before it, and so on)
-- ARGV[n]  three for each of KEYS: limit; milliseconds of a window; cost, from 1 to the limit
--
-- Returns a list with a string of numbers for each key: 1 if admitted else 0, what is left of the limit,
--         milliseconds until the cost fits (0 if admitted), milliseconds until the whole limit is available
-- Cost: O(1) for each key, of at most 32: it reads 21 slots.
-- Atomic  because two costs that each fit alone must not both be admitted if only one fits.
-- Twice   counts the cost twice.
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

-- By key, so that a key that is named several times is read and written once.
local states, is_changed = {}, {}

local function read(key)
  local known = redis.call('GET', key)
  return known and cmsgpack.unpack(known)
end

-- The costs that count now, and whether their age is unknown.
local function state_of(key, width)
  local slot = math.floor(now / width)
  local state = states[key] or read(key) or { width, slot, 0, 0 }
  -- The clock went back a little, as after a failover: time stands still until it catches up.
  if state[NEWEST] > slot and state[NEWEST] - slot <= SLOTS then slot = state[NEWEST] end
  -- The clock went back far, or the window has another length: everything counts as new.
  if state[NEWEST] > slot or state[WIDTH] ~= width then
    return { width, slot, state[TOTAL], state[TOTAL] }, true
  end
  return state[NEWEST] < slot and moved_to(slot, state) or state, false
end

local function leaves_after(state, age) return (state[NEWEST] - age + SLOTS + 2) * state[WIDTH] - now end

-- The oldest slots expire first.
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
  -- Written neither to the append-only file nor to replicas: otherwise each read would wait for the disk.
  redis.set_repl(redis.REPL_NONE)
  -- One slot longer than needed, because expiry uses the time at which the script began.
  local life = string.format('%d', leaves_after(state, 1) + state[WIDTH])
  redis.call('SET', key, cmsgpack.pack(state), 'PX', life)
end

local function admit(key, limit, window, cost)
  local state, is_strange = state_of(key, math.ceil(window / SLOTS))
  states[key] = state
  -- Also when nothing is admitted: otherwise everything would count as new at each call.
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
