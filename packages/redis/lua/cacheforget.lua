#!lua flags=allow-oom
-- Forgets one answer, or a step of those whose names begin alike.
-- GUARANTEE  what is being fetched for them meanwhile is not kept either; the next who asks fills it.
-- KEYS       1 cachenames, 2 cacheends, 3 cacherounds, 4 filling of the one name (of many: any key of the lane, unused)
-- ARGV       1 prefix of the answers' keys, 2 how: 'one', 'many' = the first step, 'more' = a further step, 3 name or beginning,
--            4 lifetime of the space's round ms
-- RETURNS    {how many there were, '1' = more are left}
-- RUN TWICE  {0, '0'}.
-- @include cache
local STEP = 256

if ARGV[2] == 'one' then
  redis.call('SET', KEYS[4], '!', 'XX', 'KEEPTTL')
  return { forget(ARGV[1], KEYS[1], KEYS[2], { ARGV[3] }), '0' }
end
if ARGV[2] == 'many' then
  redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
-- No byte of UTF-8 is 255: it ends the range.
local names = redis.call('ZRANGE', KEYS[1], '[' .. ARGV[3], '(' .. ARGV[3] .. '\255', 'BYLEX', 'LIMIT', 0, STEP)
return { forget(ARGV[1], KEYS[1], KEYS[2], names), #names == STEP and '1' or '0' }
