#!lua flags=allow-oom
-- The calling node serves a group no more: where nobody else does, it is for the retention to judge.
-- GUARANTEE  a node that holds something of it still counts as one that serves it, so that this is found when it dies.
-- KEYS       1 members, 2 serves of the node, 3 mailbox
-- ARGV       1 node id, 2 mailbox name
-- RETURNS    1 = done, 0 = it holds something still, 'not-member'
-- RUN TWICE  1.
-- @include fence
local held = redis.pcall('XPENDING', KEYS[3], 'g', '-', '+', 1, ARGV[1])
if not held.err and #held > 0 then return 0 end
redis.call('SREM', KEYS[2], ARGV[2])
return 1
