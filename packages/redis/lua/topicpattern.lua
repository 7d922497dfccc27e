#!lua flags=allow-oom
-- Attaches a group to every topic that matches a pattern, a page of those that are known, and those that are yet to come.
-- GUARANTEE  a topic that comes between two pages is in none of them and has the group all the same. What was dropped by hand
--            is not attached again by who served it before.
-- KEYS       1 members, 2 topics, 3 patterns, 4 topicgone of pattern and group
-- ARGV       1 node id, 2 lane prefix, 3 pattern, 4 group, 5 name to go on after ('' = from the first), 6 most topics looked at,
--            7 since when the caller serves it, ms ('' = it begins to)
-- RETURNS    {name to go on after ('' = that was all), topic that matches, ...} | 'absent' (it was dropped) | 'crowded' (there are too many) |
--            'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include time
-- @include topic
-- @include topic-pattern
if is_gone(KEYS[4], ARGV[7]) then return 'absent' end
local field = ARGV[3] .. ' ' .. ARGV[4]
if redis.call('HEXISTS', KEYS[3], field) == 0 then
  if #redis.call('HKEYS', KEYS[3]) >= MOST_PATTERNS then return 'crowded' end
  redis.call('HSET', KEYS[3], field, '1')
end
local now = now_ms(redis.call('TIME'))
local most = tonumber(ARGV[6])
local known = redis.call('ZRANGE', KEYS[2], ARGV[5] == '' and '-' or '(' .. ARGV[5], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }
for i = 1, #known do
  if matches(ARGV[3], known[i]) then
    local topic = ARGV[2] .. 'topic:' .. known[i]
    local facts, groups, names = read_topic(topic)
    if facts and not groups[ARGV[4]] and #names < MOST_GROUPS then
      groups[ARGV[4]] = { cursor = '', floor = tonumber(facts.total) or 0, pattern = ARGV[3], at = now }
      write_group(topic, ARGV[4], groups[ARGV[4]])
    end
    if groups[ARGV[4]] then answer[#answer + 1] = known[i] end
  end
end
return answer
