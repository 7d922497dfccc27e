#!lua flags=allow-oom
-- Takes the calling node off the lane.
-- GUARANTEE  afterwards the node is no member, and what it held can be adopted; report, index and news go in the same step.
-- KEYS       1 members, 2 revision, 3 orphans, 4 node, 5 sent, 6 serves, 7 inbox, 8 report, 9 news, 10 news:seq
-- ARGV       1 node id, 2 lane prefix, 3 the news of it: left or expired ('' = none is told here)
-- RETURNS    1 = left now, 0 = was no member any more
-- RUN TWICE  0.
-- @include revision
-- @include news
-- @include instances
-- @include poke
-- @include remove-member
return remove_member(ARGV[1], ARGV[2], ARGV[3])
