#!lua flags=no-writes
-- Reads how much waits in partitions of one lane, together.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       per partition: level, log, dead
-- ARGV       none
-- RETURNS    {messages, bytes, entries, dead entries, id of the oldest entry or ''}
-- RUN TWICE  same answer.
local messages, bytes, entries, dead, oldest, oldest_ms = 0, 0, 0, 0, '', math.huge
for i = 1, #KEYS - 2, 3 do
  local level = redis.call('HMGET', KEYS[i], 'messages', 'bytes')
  messages = messages + (tonumber(level[1]) or 0)
  bytes = bytes + (tonumber(level[2]) or 0)
  entries = entries + redis.call('XLEN', KEYS[i + 1])
  dead = dead + redis.call('XLEN', KEYS[i + 2])
  -- A user that may not read what waits is not told how old it is.
  local readable = redis.acl_check_cmd('XRANGE', KEYS[i + 1], '-', '+')
  local first = readable and redis.call('XRANGE', KEYS[i + 1], '-', '+', 'COUNT', 1)[1]
  local ms = first and tonumber(string.match(first[1], '^%d+'))
  if ms and ms < oldest_ms then oldest, oldest_ms = first[1], ms end
end
return { messages, bytes, entries, dead, oldest }
