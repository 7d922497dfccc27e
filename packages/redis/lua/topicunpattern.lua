#!lua flags=allow-oom
-- Ends what a pattern stands for, for one group, a page of topics at a time.
-- GUARANTEE  no topic to come has the group by this pattern; nothing is left of those groups that it attached.
-- KEYS       1 members, 2 topics, 3 patterns, 4 topicgone of pattern and group
-- ARGV       1 node id, 2 lane prefix, 3 pattern, 4 group, 5 name to go on after ('' = from the first), 6 most topics looked at
-- RETURNS    {name to go on after ('' = that was all), {topic, group, messages, bytes, dead}, ...} | 'not-member'
-- RUN TWICE  nothing is left to end.
-- @include fence
-- @include time
-- @include topic
redis.call('SET', KEYS[4], exact(now_ms(redis.call('TIME'))), 'PX', DROPPED_MS)
redis.call('HDEL', KEYS[3], ARGV[3] .. ' ' .. ARGV[4])
local most = tonumber(ARGV[6])
local known = redis.call('ZRANGE', KEYS[2], ARGV[5] == '' and '-' or '(' .. ARGV[5], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }
for i = 1, #known do
  local topic = ARGV[2] .. 'topic:' .. known[i]
  local text = redis.pcall('HGET', topic, 'g:' .. ARGV[4])
  if type(text) == 'string' and read_group(text).pattern == ARGV[3] then
    answer[#answer + 1] = drop_group(ARGV[2], topic, known[i], ARGV[4])
  end
end
return answer
