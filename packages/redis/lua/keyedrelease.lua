#!lua flags=allow-oom
-- Gives a partition up in good order.
-- GUARANTEE  only its owner releases it; nothing of it counts as begun afterwards.
-- KEYS       1 members, 2 owners, 3 progress
-- ARGV       1 node id, 2 partition
-- RETURNS    1 = released, 0 = it was another's or nobody's, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include progress
-- @include charge
-- @include owner
-- @include marks
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
take_marks_off(KEYS[3], false)
redis.call('HDEL', KEYS[2], ARGV[2])
return 1
