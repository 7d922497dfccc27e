#!lua flags=allow-oom
-- Ends a group of a topic for good.
-- GUARANTEE  nothing of it is left: neither what waits nor its dead letters.
-- KEYS       1 members, 2 topic, 3 topicgone of the group
-- ARGV       1 node id, 2 lane prefix, 3 topic, 4 group, 5 '1' = only what is left of one that is attached no more
-- RETURNS    {topic, group, messages, bytes, entries of dead letters} | 0 = there was none | 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include time
-- @include topic
local known = redis.call('HEXISTS', KEYS[2], 'g:' .. ARGV[4])
if known == 1 and ARGV[5] == '1' then return 0 end
if ARGV[5] ~= '1' then redis.call('SET', KEYS[3], exact(now_ms(redis.call('TIME'))), 'PX', DROPPED_MS) end
local lost = drop_group(ARGV[2], KEYS[2], ARGV[3], ARGV[4])
return known == 1 and lost or 0
