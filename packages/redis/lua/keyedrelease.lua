#!lua flags=allow-oom
-- Gives a partition up in good order.
-- GUARANTEE  only its owner releases it; nothing of it counts as begun afterwards. What a dead owner before
--            may have begun is told to the next one as well.
-- KEYS       1 members, 2 owners, 3 progress, 4 log
-- ARGV       1 node id, 2 partition
-- RETURNS    1 = released, 0 = it was another's or nobody's, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include progress
-- @include charge
-- @include owner
-- @include marks
local holder, last = owner_of(KEYS[2], ARGV[2])
if holder ~= ARGV[1] then return 0 end
take_marks_off(KEYS[3], false)
local left = last and last ~= '' and redis.pcall('XRANGE', KEYS[4], '-', last, 'COUNT', 1) or {}
if left[1] then
  redis.call('HSET', KEYS[2], ARGV[2], ' ' .. last)
else
  redis.call('HDEL', KEYS[2], ARGV[2])
end
return 1
