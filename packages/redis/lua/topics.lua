#!lua flags=no-writes
-- Reads a page of all topics with their groups.
-- GUARANTEE  one moment's truth of each page; changes nothing.
-- KEYS       1 topics
-- ARGV       1 lane prefix, 2 name to go on after ('' = from the first), 3 most topics
-- RETURNS    {name to go on after ('' = that was all), {topic, total, frames in its log, dropped, {group, '1' = is filled,
--            pattern, messages, bytes, dead}, ...}, ...}
-- RUN TWICE  same answer.
-- @include topic
local prefix, most = ARGV[1], tonumber(ARGV[3])
local known = redis.call('ZRANGE', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }

local function length(stream)
  local found = redis.pcall('XLEN', stream)
  return type(found) == 'number' and found or 0
end

for i = 1, #known do
  local facts, groups, names = read_topic(prefix .. 'topic:' .. known[i])
  facts = facts or {}
  local one = { known[i], tonumber(facts.total) or 0, length(prefix .. 'topiclog:' .. known[i]), tonumber(facts.dropped) or 0 }
  for _, group in ipairs(names) do
    local mailbox = 'topic.' .. known[i] .. '@' .. group
    local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
    if level.err then level = {} end
    one[#one + 1] = {
      group, groups[group].cursor == '' and '' or '1', groups[group].pattern, tonumber(level[1]) or 0,
      tonumber(level[2]) or 0, length(prefix .. 'dead:' .. mailbox),
    }
  end
  answer[#answer + 1] = one
end
return answer
