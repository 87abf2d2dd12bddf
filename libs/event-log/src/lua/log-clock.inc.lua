-- The clock of a partition of the log. Ids never go back. If Redis's clock was ahead and has been set back, new ids stay ahead,
-- and new events carry their real time in the field `t`.

-- Ids that are ahead of the clock by more than this do not tell the time.
local CLOCK_TOLERANCE_MS = 1000

local function ms_of(id) return tonumber(string.match(id, '^%d+')) end

local function clock_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The milliseconds of the last id, 0 without events. Tests move the clock by adding an event whose `t` is not before its id; then
-- ids are the clock, and the second result is that time.
local function last_times(stream)
  if redis.call('EXISTS', stream) == 0 then return 0, nil end
  local info, last_ms, set_ms = redis.call('XINFO', 'STREAM', stream), 0, nil
  for i = 1, #info, 2 do
    if info[i] == 'last-generated-id' then last_ms = ms_of(info[i + 1]) end
    local entry = info[i] == 'last-entry' and info[i + 1] or { '0', {} }
    for k = 1, #entry[2], 2 do
      if entry[2][k] == 't' and ms_of(entry[2][k + 1]) >= ms_of(entry[1]) then set_ms = ms_of(entry[2][k + 1]) end
    end
  end
  return last_ms, set_ms
end

-- The field `t` of the next event, as text; nil if its id tells the time.
local function own_time_of_next(stream, now)
  local last_ms, set_ms = last_times(stream)
  local own = set_ms and math.max(set_ms, last_ms) or last_ms - now > CLOCK_TOLERANCE_MS and now or nil
  return own and string.format('%d', own)
end

-- The time, in milliseconds, of an event that is appended now.
local function log_ms(stream)
  local now, last_ms, set_ms = clock_ms(), last_times(stream)
  local goes_by_id = last_ms > now and (set_ms or last_ms - now <= CLOCK_TOLERANCE_MS)
  return goes_by_id and last_ms or now
end
