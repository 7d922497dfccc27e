#!lua flags=allow-oom
-- Ends a group of a topic for good.
-- GUARANTEE  nothing of it is left: neither what waits nor its dead letters.
-- KEYS       1 members, 2 topic
-- ARGV       1 node id, 2 lane prefix, 3 topic, 4 group
-- RETURNS    {topic, group, messages, bytes, entries of dead letters} | 0 = there was none | 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include topic
local known = redis.call('HEXISTS', KEYS[2], 'g:' .. ARGV[4])
local lost = drop_group(ARGV[2], KEYS[2], ARGV[3], ARGV[4])
return known == 1 and lost or 0
