#!lua flags=allow-oom
-- Looks over a page of topics: drops groups that nobody serves and that are beyond the retention, says again which were
-- dropped if nobody has told of it, trims logs by age,
-- forgets topics that nobody has anything to do with any more.
-- GUARANTEE  a group that is served, and one within the retention, stays as it is.
-- KEYS       1 members, 2 topics
-- ARGV       1 node id, 2 lane prefix, 3 name to go on after ('' = from the first), 4 most topics
-- RETURNS    {name to go on after ('' = that was all), {dropped as {topic, group, messages, bytes, dead}, ...}, {being filled
--            as {topic, group}, ...}} | 'not-member'
-- RUN TWICE  nothing is left to drop; what nobody has told of is said again.
-- @include fence
-- @include time
-- @include topic
-- A topic that has neither groups nor a log is forgotten when nobody has published to it for a day.
local FORGOTTEN_MS = 86400000
-- Who dropped a group has told of it by then.
local UNTOLD_MS = 10000

local prefix, most = ARGV[2], tonumber(ARGV[4])
local now = now_ms(redis.call('TIME'))
local known = redis.call('ZRANGE', KEYS[2], ARGV[3] == '' and '-' or '(' .. ARGV[3], '+', 'BYLEX', 'LIMIT', 0, most)
local dropped, filling = {}, {}
for i = 1, #known do
  local topic, log = prefix .. 'topic:' .. known[i], prefix .. 'topiclog:' .. known[i]
  local facts, groups, names = read_topic(topic)
  -- Of another type: it is let alone.
  facts = facts or { at = now }
  local most_messages, most_bytes, most_ms, log_ms = string.match(facts.bounds or '', '^(%d+) (%d+) (%d+) (%S+)$')
  local left, is_filled = #names, false
  for _, group in ipairs(names) do
    local mailbox = 'topic.' .. known[i] .. '@' .. group
    if groups[group].cursor ~= '' then filling[#filling + 1] = { known[i], group }; is_filled = true end
    if most_messages and is_forgotten(KEYS[1], prefix, mailbox, groups[group], now) then
      local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
      local first = redis.pcall('XRANGE', prefix .. 'mailbox:' .. mailbox, '-', '+', 'COUNT', 1)
      local at = not first.err and first[1] and tonumber(string.match(first[1][1], '^%d+')) or now
      local messages, bytes = 0, 0
      if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
      if messages > tonumber(most_messages) or bytes > tonumber(most_bytes) or now - at > tonumber(most_ms) then
        dropped[#dropped + 1] = forget_group(prefix, topic, known[i], group, now)
        left = left - 1
      end
    end
  end
  for field, text in pairs(facts) do
    local group = string.match(field, '^x:(.+)$')
    local messages, bytes, dead, at_ms = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
    if group and at_ms and now - tonumber(at_ms) > UNTOLD_MS then
      dropped[#dropped + 1] = { known[i], group, tonumber(messages), tonumber(bytes), tonumber(dead) }
    end
  end
  if tonumber(log_ms) and not is_filled then redis.pcall('XTRIM', log, 'MINID', exact(now - tonumber(log_ms))) end
  if left == 0 and redis.call('EXISTS', log) == 0 and now - (tonumber(facts.at) or 0) > FORGOTTEN_MS then
    redis.call('UNLINK', topic)
    redis.call('ZREM', KEYS[2], known[i])
  end
end
return { #known == most and known[most] or '', dropped, filling }
