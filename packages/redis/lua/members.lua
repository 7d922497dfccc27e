#!lua flags=no-writes
-- Reads every member with its report, and the number of the last news that this contains.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       1 members, 2 news:seq
-- ARGV       1 lane prefix
-- RETURNS    {news number, id, report or '', id, report or '', ...}
-- RUN TWICE  same answer.
local MOST_MEMBERS = 10000

local answer = { redis.call('GET', KEYS[2]) or '0' }
local ids = redis.call('HKEYS', KEYS[1])
for i = 1, math.min(#ids, MOST_MEMBERS) do
  local report = redis.pcall('GET', ARGV[1] .. 'report:' .. ids[i])
  answer[#answer + 1] = ids[i]
  answer[#answer + 1] = type(report) == 'string' and report or ''
end
return answer
