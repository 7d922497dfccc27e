#!lua flags=allow-oom
-- Splits a mailbox: one node at a time moves what waits into the partitions, and whoever finds that nothing is left to move
-- splits it for ever.
-- GUARANTEE  until it is split appends go into the mailbox, from then on into its partitions: what came first stays first.
--            While it is sealed, for a moment, they go nowhere.
-- KEYS       1 members, 2 mailbox, 3 level
-- ARGV       1 node id, 2 into how many, 3 '1' = the caller has moved all that it found, 4 where more has come since:
--            seal it for so long, ms ('' = not)
-- RETURNS    {partitions} when it is split | {} = it is the caller's to go on | {0, node id} = it is at it | 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include time
local known = tonumber(redis.call('HGET', KEYS[3], 'partitions') or '')
if known then return { known } end
local by = redis.call('HGET', KEYS[3], 'splitter')
if by and by ~= ARGV[1] and redis.call('HEXISTS', KEYS[1], by) == 1 then return { 0, by } end
redis.call('HSET', KEYS[3], 'splitter', ARGV[1])
if ARGV[3] ~= '1' then return {} end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[2])
local read = '-'
for i = 1, groups.err and 0 or #groups do
  local facts = {}
  for at = 1, #groups[i], 2 do facts[groups[i][at]] = groups[i][at + 1] end
  if facts.name == 'g' then read = '(' .. facts['last-delivered-id'] end
end
if #redis.call('XRANGE', KEYS[2], read, '+', 'COUNT', 1) > 0 then
  if ARGV[4] ~= '' then
    local until_ms = now_ms(redis.call('TIME')) + tonumber(ARGV[4])
    redis.call('HSET', KEYS[3], 'sealed', string.format('%.0f', until_ms))
  end
  return {}
end
redis.call('HSET', KEYS[3], 'partitions', ARGV[2])
redis.call('HDEL', KEYS[3], 'splitter', 'sealed')
return { tonumber(ARGV[2]) }
