#!lua flags=allow-oom
-- Takes a node onto the lane.
-- GUARANTEE  afterwards the node is a member; its inbox exists when asked for (replies use NOMKSTREAM).
-- KEYS       1 members, 2 revision, 3 inbox, 4 node
-- ARGV       1 node id, 2 '1' = open the inbox here, 3 report ('' = none), 4 report lifetime ms
-- RETURNS    {revision, first inbox entry id or ''}
-- RUN TWICE  a second marker entry in the inbox; nothing else changes.
-- @include news
local added = redis.call('HSETNX', KEYS[1], ARGV[1], 1)
local revision = added == 1 and redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED) or redis.call('GET', KEYS[2])
local cursor = ''
if ARGV[2] == '1' then cursor = redis.call('XADD', KEYS[3], '*', 'j', '1') end
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[4]) end
return { tostring(revision), cursor }
