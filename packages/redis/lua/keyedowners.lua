#!lua flags=no-writes
-- Reads who owns the partitions of a mailbox in this lane.
-- GUARANTEE  every id answered is a member at this moment; changes nothing.
-- KEYS       1 members, 2 owners
-- ARGV       none
-- RETURNS    partition, node id, partition, ...
-- RUN TWICE  same answer.
local MOST_PARTITIONS = 1024

local answer = {}
local found = redis.call('HGETALL', KEYS[2])
for at = 1, math.min(#found, 2 * MOST_PARTITIONS), 2 do
  local id = string.match(found[at + 1], '^%S+')
  if id and redis.call('HEXISTS', KEYS[1], id) == 1 then
    answer[#answer + 1] = found[at]
    answer[#answer + 1] = id
  end
end
return answer
