-- Moves at most `limit` frames whose time has come into their mailboxes, destination first. A mailbox that is no stream
-- keeps its frames here; they are tried again later. Answers moved, whether more are due, the next due time ('' = none).
local POSTPONE_MS = 5000

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
      local entry = { 'XADD', prefix .. 'mailbox:' .. frame[1], '*', 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then entry[#entry + 1] = name; entry[#entry + 1] = value end
      end
      local added = redis.pcall(unpack(entry))
      refused = type(added) == 'table' and added.err ~= nil
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
