#!lua flags=allow-oom
-- Declares another node dead.
-- GUARANTEE  only a member may, and only while the victim's counter is the one that was watched: one beat saves it. Whoever
--            reaps, everybody is told once.
-- KEYS       1 members, 2 revision, 3 orphans, and of the victim: 4 node, 5 sent, 6 serves, 7 inbox, 8 report; 9 news, 10 news:seq
-- ARGV       1 node id, 2 victim, 3 the counter that stood still, 4 lane prefix, 5 the news of it: expired ('' = none is told here)
-- RETURNS    1 = removed now, 0 = it has beaten or is gone, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include revision
-- @include news
-- @include instances
-- @include poke
-- @include remove-member
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return 0 end
return remove_member(ARGV[2], ARGV[4], ARGV[5])
