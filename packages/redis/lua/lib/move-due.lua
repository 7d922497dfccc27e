-- Moves at most `limit` frames whose time has come into their mailboxes, destination first; what was for a member that is
-- none any more goes into the shared mailbox. A mailbox that is no stream keeps its frames here; they are tried again later.
-- What was for a group of a topic that was dropped goes with it, also where there is a new one of that name. Answers moved, whether more are due, the next due time ('' = none).
local POSTPONE_MS = 5000

local function place(prefix, name, fields, number)
  local shared, target = addressed(name)
  if target and redis.call('HEXISTS', prefix .. 'members', target) == 1 then
    local stream, inbox = prefix .. 'mailbox:' .. name, prefix .. 'inbox:' .. target
    return add_targeted(fields, stream, name, prefix .. 'orphans', prefix .. 'revision', inbox)
  end
  if string.sub(shared, 1, 6) == 'topic.' then
    local gone = redis.call('GET', prefix .. 'due:gone:' .. shared)
    if gone and tonumber(number) <= tonumber(gone) then return end
    return redis.call('XADD', prefix .. 'mailbox:' .. shared, 'NOMKSTREAM', '*', unpack(fields))
  end
  return redis.call('XADD', prefix .. 'mailbox:' .. shared, '*', unpack(fields))
end

local function move_due(prefix, due, frames, limit)
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if #first == 0 then return 0, 0, '' end
  local now = now_ms(redis.call('TIME'))
  if tonumber(first[2]) > now then return 0, 0, first[2] end
  local numbers = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, number in ipairs(numbers) do
    local packed = redis.call('HGET', frames, number)
    local refused = false
    if packed then
      local frame = cmsgpack.unpack(packed)
      local fields = { 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
      end
      refused = not pcall(place, prefix, frame[1], fields, number)
    end
    if refused then
      redis.call('ZADD', due, now + POSTPONE_MS, number)
    else
      redis.call('HDEL', frames, number)
      redis.call('ZREM', due, number)
    end
  end
  first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  return #numbers, #numbers == limit and 1 or 0, first[2] or ''
end
