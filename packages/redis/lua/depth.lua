#!lua flags=no-writes
-- Reads how much waits in a mailbox.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       1 level, 2 mailbox, 3 dead
-- ARGV       none
-- RETURNS    {messages, bytes, entries, pending entries, dead entries, id of the oldest entry or '', partitions or 0} (entries: of the
--            shared stream alone; messages and bytes: of what is for one node alone as well)
-- RUN TWICE  same answer.
local level = redis.call('HMGET', KEYS[1], 'messages', 'bytes', 'partitions')
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
-- A user that may not read what waits is not told how old it is.
local readable = redis.acl_check_cmd('XRANGE', KEYS[2], '-', '+')
local oldest = readable and redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1) or {}
return {
  tonumber(level[1]) or 0, tonumber(level[2]) or 0, redis.call('XLEN', KEYS[2]),
  pending.err and 0 or pending[1], redis.call('XLEN', KEYS[3]),
  oldest[1] and oldest[1][1] or '', tonumber(level[3]) or 0,
}
