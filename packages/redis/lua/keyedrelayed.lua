#!lua flags=allow-oom
-- Drops committed casts that have been relayed.
-- GUARANTEE  only by the owner; nothing behind the number is touched.
-- KEYS       1 members, 2 owners, 3 outgoing
-- ARGV       1 node id, 2 partition, 3 the first number that stays
-- RETURNS    how many were dropped, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include owner
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
return redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3])
