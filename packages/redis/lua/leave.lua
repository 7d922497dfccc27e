#!lua flags=allow-oom
-- Takes the calling node off the lane.
-- GUARANTEE  afterwards the node is no member, and what it held can be adopted.
-- KEYS       1 members, 2 revision, 3 orphans, 4 node, 5 sent, 6 serves, 7 inbox
-- ARGV       1 node id, 2 lane prefix
-- RETURNS    1 = left now, 0 = was no member any more
-- RUN TWICE  0.
-- @include news
-- @include poke
-- @include remove-member
return remove_member(ARGV[1], ARGV[2])
