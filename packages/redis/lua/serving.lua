#!lua flags=allow-oom
-- Reads who serves a service, by its index.
-- GUARANTEE  every id answered is a member at this moment; entries of non-members are dropped.
-- KEYS       1 members, 2 instances of the service
-- ARGV       none
-- RETURNS    id, report with that service in it, id, ...
-- RUN TWICE  same answer.
local MOST_INSTANCES = 10000

local answer = {}
local found = redis.pcall('HGETALL', KEYS[2])
if found.err then return answer end
for at = 1, math.min(#found, 2 * MOST_INSTANCES), 2 do
  if redis.call('HEXISTS', KEYS[1], found[at]) == 1 then
    answer[#answer + 1] = found[at]
    answer[#answer + 1] = found[at + 1]
  else
    redis.call('HDEL', KEYS[2], found[at])
  end
end
return answer
