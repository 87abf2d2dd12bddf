#!lua
-- Appends events to a partition of the log, in order. An event that is refused does not stop the others.
--
-- KEYS[1]  the partition's stream
-- KEYS[2]  definitions (hash: board -> event id, source or -, and definition as JSON. The own partition of a sharded board
--          also has the event that created the board. ` scored` if the board has scores and no definition)
-- KEYS[3]  players who are being erased (hash: player -> the erasing event, ...)
-- KEYS[4]  the gate (string: moving or closed, and the attempt)
-- KEYS[5]  number of definitions of derived boards in this partition (string)
-- KEYS[n]  from 6 on, keys to which the events refer by number:
--            idempotency records (string: fingerprint, event id, version, own time)
--            heads of subjects (hash: part -> `version id -` for a deletion, `version id/bytes` for a save or profile, or
--              `version id`, also for old saves; `/usage` -> slots and bytes of saves)
--            intervals (string that expires when the interval is over)
-- ARGV[1]  how long idempotency records are kept, in seconds
-- ARGV[2]  the events: a JSON list of objects with those of these fields that apply
--            e, m, d       the packed event; its metadata; the number of the ARGV with its document
--            record, print the number of the KEYS with the idempotency record; the event's fingerprint
--            replay        true: answer only from the record, never append
--            board         the board to which the following fields refer
--            by            the event that defined the board, as the caller knows it; empty for none
--            heads, part   the number of the KEYS with the subject's heads; the part of the subject
--            counts        true: the event is a new version; otherwise it only carries the head version, if there is one
--            deletes       true: the subject has no version after this one, until the next
--            expect        the expected head version: * for any, 0 for none, or a number
--            slots, bytes  for a save: maximum slots that the player has ever used, and bytes of all current saves; absent
--                          for no limit
--            profile       for a patch of a profile: the version that the caller saw, bytes with the patch, bytes of the
--                          patch, and the maximum bytes, including patches that no caller has seen applied
--            existing      true: the board must be defined or have scores
--            interval, ms  the number of the KEYS with the interval; its milliseconds
--            becomes       the new definition of the board: source or -, and definition as JSON; empty if it is removed
--            first         the id of the original event, if this is a copy
--            unused        true: no derived board may count the board's scores
--            derivations, counted  the value of KEYS[5] when the caller searched for derived boards; true if it found one
--            spreads       true: the board gets shards. If it is not defined yet, it must not have scores or derived boards
--            marks         true: a score. If the board is not defined, it has scores from now on
--            player        the player of the event
--            erases        true: no more events of the player are accepted; the event's document is the player's heads, as JSON
-- ARGV[n]  from 3 on, the documents
--
-- Returns a list with one string per event: its id, its version or -, 1 if it had been appended before, else 0, and its time
--          in milliseconds if that differs from its id; or an error
-- Errors   LOG_CLOSED: the log is being repartitioned, or was; nothing was done
--          IDEMPOTENCY_CONFLICT: the key was used for another event
--          BEING_ERASED: the player is being erased. A second erasing event is answered with the first one instead
--          NOT_REPLAYED: the event was not appended before, and must only be answered if it was
--          DEFINITION_CHANGED <as in KEYS[2], or empty>: the caller knows another definition
--          DERIVATIONS_CHANGED <KEYS[5]>: the caller must search for derived boards again
--          BOARD_IN_USE: a derived board counts the board's scores
--          BOARD_SCORED: the board has scores, and they are not where its shards would be
--          NO_SUCH_BOARD: the board has neither a definition nor scores, and this event must not create it
--          VERSION_CONFLICT <head version, 0 for none>: the expected version is not the head
--          USAGE_UNKNOWN: the player's saves have not been counted yet; count-usage does it
--          QUOTA_EXCEEDED <quota> <limit> <used>
--          PROFILE_BEHIND: too many patches of the profile have not been applied yet
--          TOO_SOON <milliseconds left>: the interval since the last score is not over
-- Cost: O(log n) per event, for at most 500, and O(bytes) of documents, for at most 2 MB or one document
-- Atomic   because the conditions of an event (key, version, definition) must still hold when it is appended
-- Twice    events with an idempotency record are answered as the first time; others are appended again
if string.sub(redis.call('GET', KEYS[4]) or '', 1, 6) == 'closed' then return redis.error_reply('LOG_CLOSED for a move') end

-- include log-clock.inc.lua
local now = clock_ms()
local is_ahead, own_time = false, nil

local function add_entry(entry)
  if not is_ahead then
    local id = redis.pcall('XADD', KEYS[1], string.format('%d-*', now), unpack(entry))
    if type(id) == 'string' then return id end
    if not string.find(id.err, 'equal or smaller', 1, true) then error(id) end
    is_ahead, own_time = true, own_time_of_next(KEYS[1], now)
  end
  if own_time then
    entry[#entry + 1] = 't'
    entry[#entry + 1] = own_time
  end
  return redis.call('XADD', KEYS[1], '*', unpack(entry))
end

local SCORED = ' scored'

local function is_defined(known) return known and known ~= SCORED end

-- A list of scores needs the same few definitions again and again, so each is read once per call.
local definitions, has_heads = {}, {}

local function definition_of(board)
  if definitions[board] == nil then definitions[board] = redis.call('HGET', KEYS[2], board) end
  return definitions[board]
end

local function set_definition(board, text)
  redis.call('HSET', KEYS[2], board, text)
  definitions[board] = text
end

-- Most subjects have no heads.
local function head_of(key, part)
  if has_heads[key] == nil then has_heads[key] = redis.call('EXISTS', key) == 1 end
  return has_heads[key] and redis.call('HGET', key, part)
end

local function isOlder(known, first)
  local ms, seq = string.match(known, '^(%d+)-(%d+)')
  local firstMs, firstSeq = string.match(first, '^(%d+)-(%d+)$')
  return tonumber(ms) < tonumber(firstMs) or (ms == firstMs and tonumber(seq) < tonumber(firstSeq))
end

-- Copies can arrive in another order than their originals: an older definition never replaces a newer one.
local function define(event, id)
  local board, becomes, first = event.board, event.becomes, event.first or id
  local known = definition_of(board)
  -- The board was removed after the original of this copy; otherwise it could not have scores without a definition.
  if known == SCORED and event.first then return end
  if is_defined(known) and not isOlder(known, first) then return end
  if becomes == '' then
    redis.call('HDEL', KEYS[2], board)
    definitions[board] = false
  else
    local born = event.spreads and ' ' .. (is_defined(known) and string.match(known, '} (%S+)$') or first) or ''
    set_definition(board, first .. ' ' .. becomes .. born)
    if string.sub(becomes, 1, 2) ~= '- ' then redis.call('INCR', KEYS[5]) end
  end
end

-- Derived boards are defined in the partition of their source. Searching for them takes too long if there are many boards, so
-- the caller does it before. The result is still valid if the count has not changed.
local function use_of(event)
  local count = redis.call('GET', KEYS[5]) or '0'
  if event.derivations ~= count then return 'DERIVATIONS_CHANGED ' .. count end
  return event.counted and 'BOARD_IN_USE'
end

local function heads_of(key)
  local flat, heads = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do
    if flat[i] ~= '/usage' then heads[flat[i]] = tonumber(string.match(flat[i + 1], '^%d+')) end
  end
  return cjson.encode(heads)
end

-- The player's usage: slots that were ever used, and bytes of the current saves.
local function usage_of(heads)
  local slots, bytes = string.match(head_of(heads, '/usage') or (has_heads[heads] and '' or '0 0'), '^(%d+) (%d+)$')
  return tonumber(slots), tonumber(bytes)
end

-- The usage after a save. A deleted slot still counts, because its history is kept. A save that shrinks is never refused.
local function usage_with(event, heads, known, before)
  local slots, bytes = usage_of(heads)
  local is_limited = event.slots or event.bytes
  before = tonumber(before) or known and before == '' and -1 or 0
  if not slots or before < 0 then return nil, is_limited and 'USAGE_UNKNOWN' end
  local size = event.d and #ARGV[event.d] or 0
  if event.slots and not known and slots >= event.slots then
    return nil, 'QUOTA_EXCEEDED player.slots ' .. event.slots .. ' ' .. slots
  end
  if event.bytes and size > before and bytes - before + size > event.bytes then
    return nil, 'QUOTA_EXCEEDED player.saveBytes ' .. event.bytes .. ' ' .. bytes
  end
  return string.format('%d %d', slots + (known and 0 or 1), bytes - before + size)
end

-- The maximum size of a profile, in whatever order its patches are applied.
local function profile_size(event, head, before)
  local judged, with, patch, most = unpack(event.profile)
  before = tonumber(before) or 0
  if tostring(judged) == head then return with end
  local size = math.max(before, with) + patch
  if size > most and size > before then return nil, 'PROFILE_BEHIND' end
  return size
end

-- Erasures are rare, so one check serves all events of the call.
local is_anybody_erased = redis.call('EXISTS', KEYS[3]) == 1

-- The client parses one string faster than a list of three.
local function answer(id, version, replayed, at)
  return id .. ' ' .. (version == '' and '-' or version) .. ' ' .. replayed .. (at and ' ' .. at or '')
end

local function append(event)
  local record = event.record and KEYS[event.record]
  local seen = record and redis.call('GET', record)
  if seen then
    local print, id, version, at = string.match(seen, '^(%S+) (%S+) (%S*) ?(%d*)$')
    if print ~= event.print then return 'IDEMPOTENCY_CONFLICT' end
    return answer(id, version, 1, at ~= '' and at)
  end
  if event.replay then return 'NOT_REPLAYED' end
  local erased_by = is_anybody_erased and event.player and redis.call('HGET', KEYS[3], event.player)
  if erased_by then return event.erases and answer(string.match(erased_by, '^%S+'), '', 0) or 'BEING_ERASED' end
  local defined = (event.by or event.spreads) and definition_of(event.board)
  if event.by and string.match(defined or '', '^%S*') ~= event.by then
    return 'DEFINITION_CHANGED ' .. (is_defined(defined) and defined or '')
  end
  local is_born = event.spreads and not is_defined(defined)
  local use = (event.unused or is_born) and use_of(event)
  if use then return use end
  if is_born and defined == SCORED then return 'BOARD_SCORED' end
  if event.existing and not defined then return 'NO_SUCH_BOARD' end

  local known = event.part and head_of(KEYS[event.heads], event.part)
  local head, before = string.match(known or '', '^(%d+) ?[^ /]*[ /]?(%S*)$')
  local version, size, usage, refused = '', '', nil, nil
  if event.counts then
    head = head or '0'
    local current = before == '-' and '0' or head
    local expect = event.expect
    if expect and expect ~= current and not (expect == '*' and current ~= '0') then
      return 'VERSION_CONFLICT ' .. current
    end
    if event.d or event.deletes then
      size = event.deletes and ' -' or '/' .. #ARGV[event.d]
      usage, refused = usage_with(event, KEYS[event.heads], known, before)
    elseif event.profile then
      size, refused = profile_size(event, head, before)
      size = size and '/' .. size
      if not known and not has_heads[KEYS[event.heads]] then usage = '0 0' end
    end
    if refused then return refused end
    version = string.format('%d', head + 1)
    head = version
  end
  local interval = event.interval and KEYS[event.interval]
  if interval and not redis.call('SET', interval, 1, 'PX', event.ms, 'NX') then
    local left = redis.call('PTTL', interval)
    if left <= event.ms then return 'TOO_SOON ' .. left end
    -- The remaining time is longer than the interval, so the clock was set back.
    redis.call('SET', interval, 1, 'PX', event.ms)
  end

  local entry = { 'e', event.e }
  local function add(field, value)
    if value then
      entry[#entry + 1] = field
      entry[#entry + 1] = value
    end
  end
  add('v', head)
  add('m', event.m)
  add('d', event.d and ARGV[event.d] or event.erases and heads_of(KEYS[event.heads]))
  local id = add_entry(entry)
  if event.counts then
    redis.call('HSET', KEYS[event.heads], event.part, version .. ' ' .. id .. size, unpack(usage and { '/usage', usage } or {}))
    has_heads[KEYS[event.heads]] = true
  end
  if event.erases then
    redis.call('HSET', KEYS[3], event.player, id)
    is_anybody_erased = true
  end
  if event.becomes then define(event, id) end
  if event.marks and not defined then set_definition(event.board, SCORED) end
  if record then redis.call('SET', record, event.print .. ' ' .. id .. ' ' .. version .. (own_time and ' ' .. own_time or ''), 'EX', ARGV[1]) end
  return answer(id, version, 0, own_time)
end

local answers = {}
for i, event in ipairs(cjson.decode(ARGV[2])) do answers[i] = append(event) end
return answers
