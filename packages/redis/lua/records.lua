#!lua flags=no-writes
-- Reads a family of shared records, and what time it is.
-- GUARANTEE  one moment's truth; changes nothing.
-- KEYS       1 records
-- ARGV       none
-- RETURNS    {seconds, microseconds, record, record, ...}
-- RUN TWICE  same answer.
local answer = redis.call('TIME')
for _, record in ipairs(redis.call('HVALS', KEYS[1])) do answer[#answer + 1] = record end
return answer
