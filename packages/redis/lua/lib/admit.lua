-- What an append answers before it writes: the id of a number that was accepted before, the fullness of the mailbox, into
-- how many it has been split (0: just now, ask again in a moment) where that is for `anybody`, or nil, the level to write and the hints to bring back. Defaults stand until a node that serves the mailbox sets its own.
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256

local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end

-- Whether surely nothing waits: not for anybody, not for later, not for one member, nor for one that is gone.
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end

-- `anybody`: it is for whoever has room; `node` appends; `patient`: it stands in line for room from now on when there is none.
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  -- What alone is more than the mailbox takes would keep all others waiting, and never come to its end.
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    -- Somebody emptied the stream behind our back: nothing waits, whatever the counter says.
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  -- As if all of its messages were of one size: the first may be larger, then fewer fit the next time.
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
end
