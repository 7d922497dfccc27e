-- Changes what waits in a mailbox; never below zero, whatever strangers did to the stream.
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
end
