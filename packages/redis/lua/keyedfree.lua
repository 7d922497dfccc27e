#!lua flags=allow-oom
-- As `keyedcommit`, of what takes no more room: no state that is set, no casts, no answer.
-- GUARANTEE  all of it or nothing; only by the owner, and once for each envelope; a full server drains by it.
-- KEYS       as `keyedcommit`
-- ARGV       as `keyedcommit`
-- RETURNS    1 = committed, 2 = and the entry has ended, 0 = lost, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
-- @include owner
-- @include kept
-- @include in-log
-- @include keyed-commit
return commit()
