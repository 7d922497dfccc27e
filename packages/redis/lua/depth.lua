#!lua flags=no-writes
-- Reads how much waits in a mailbox.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       1 level, 2 mailbox, 3 dead
-- ARGV       none
-- RETURNS    {messages, bytes, entries, pending entries, dead entries}
-- RUN TWICE  same answer.
local level = redis.call('HMGET', KEYS[1], 'messages', 'bytes')
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
return {
  tonumber(level[1]) or 0, tonumber(level[2]) or 0, redis.call('XLEN', KEYS[2]),
  pending.err and 0 or pending[1], redis.call('XLEN', KEYS[3]),
}
