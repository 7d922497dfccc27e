#!lua flags=allow-oom
-- Sets what partitions of one lane may hold.
-- GUARANTEE  only a member does; nothing that waits is touched.
-- KEYS       1 members, then the level of each partition
-- ARGV       1 node id, 2 maxLength, 3 maxBytes
-- RETURNS    1, 'not-member'
-- RUN TWICE  same answer.
-- @include fence
for i = 2, #KEYS do redis.call('HSET', KEYS[i], 'maxLength', ARGV[2], 'maxBytes', ARGV[3]) end
return 1
