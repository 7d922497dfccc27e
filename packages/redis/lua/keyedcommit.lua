#!lua
-- Commits one envelope of a log: the state of its key, what is done, and the casts that leave with it.
-- GUARANTEE  all of it or nothing; only by the owner, and once for each envelope; refused on a full server.
-- KEYS       1 members, 2 owners, 3 log, 4 level, 5 progress, 6 kept, 7 states, 8 outgoing
-- ARGV       1 node id, 2 partition, 3 entry id, 4 index of the envelope, 5 what the entry held to do when it was read,
--            6 bytes of the frame, 7 key, 8 set, delete or '' (leave the state), 9 state, 10 '1' = applied, but to do until it is
--            answered, 11 the answer, and per cast: mailbox, count, frame
-- RETURNS    1 = committed, 2 = and the entry has ended, 0 = lost, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include masks
-- @include progress
-- @include level
-- @include held
-- @include remain
-- @include owner
-- @include kept
-- @include in-log
-- @include keyed-commit
return commit()
