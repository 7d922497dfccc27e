-- Puts a frame aside until `at`, and tells the lane; answers its number. frame = {mailbox, f, n, t, d, h}
local function put_aside(due, frames, seq, revision, at, frame)
  local number = string.format('%.0f', redis.call('INCR', seq))
  redis.call('HSET', frames, number, cmsgpack.pack(frame))
  redis.call('ZADD', due, at, number)
  redis.call('INCR', revision)
  return number
end
