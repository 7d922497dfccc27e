#!lua flags=no-writes
-- Reads every member with its report.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       1 members
-- ARGV       1 lane prefix
-- RETURNS    id, report or '', id, report or '', ...
-- RUN TWICE  same answer.
local MOST_MEMBERS = 10000

local answer = {}
local ids = redis.call('HKEYS', KEYS[1])
for i = 1, math.min(#ids, MOST_MEMBERS) do
  answer[#answer + 1] = ids[i]
  answer[#answer + 1] = redis.call('GET', ARGV[1] .. 'node:' .. ids[i]) or ''
end
return answer
