#!lua flags=allow-oom
-- Makes a node the owner of a partition.
-- GUARANTEE  nothing is taken from a member. Where the owner died, what it had marked is charged a delivery, and the new owner
--            is told where the log ended; so is the next one, as long as something of that is left.
-- KEYS       1 members, 2 owners, 3 log, 4 progress
-- ARGV       1 node id, 2 partition
-- RETURNS    {'owned'} | {'owned', last entry of the log or ''} where the owner before died | {'held', node id} | 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include progress
-- @include charge
-- @include owner
-- @include marks
local holder, last = owner_of(KEYS[2], ARGV[2])
if holder ~= ARGV[1] then
  if holder and redis.call('HEXISTS', KEYS[1], holder) == 1 then return { 'held', holder } end
  if holder and holder ~= '' then
    take_marks_off(KEYS[4], true)
    local newest = redis.pcall('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
    last = newest[1] and newest[1][1] or ''
  end
  redis.call('HSET', KEYS[2], ARGV[2], last and (ARGV[1] .. ' ' .. last) or ARGV[1])
end
if last then return { 'owned', last } end
return { 'owned' }
