-- Puts a frame aside until `at`; answers its number. frame = {mailbox, f, n, t, d, h}
local function put_aside(due, frames, seq, at, frame)
  local number = string.format('%.0f', redis.call('INCR', seq))
  redis.call('HSET', frames, number, cmsgpack.pack(frame))
  redis.call('ZADD', due, at, number)
  return number
end
