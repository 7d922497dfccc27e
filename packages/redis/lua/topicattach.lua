#!lua flags=allow-oom
-- Attaches a group to a topic, or sets one back to a point of the log.
-- GUARANTEE  a group that is attached stays as it is, unless it is to be set back; from here on it misses nothing. One that was
--            dropped by hand is not attached again by who served it before.
-- KEYS       1 members, 2 topic, 3 its log, 4 topics, 5 topicgone of the group
-- ARGV       1 node id, 2 topic, 3 group, 4 since ('' = now, '-' = all there is, else ms), 5 '1' = set it back,
--            6 since when the caller serves it, ms ('' = it begins to)
-- RETURNS    'live' | 'filling' | 'crowded' | 'absent' (nothing to be set back, or dropped) | 'not-member'
-- RUN TWICE  'live' or 'filling'; set back, it begins again.
-- @include fence
-- @include topic
-- @include topic-since
local facts, groups, names = read_topic(KEYS[2])
if not facts then return redis.error_reply('WRONGTYPE the key of the topic holds another type') end
local group = groups[ARGV[3]]
if ARGV[5] == '1' and not group then return 'absent' end
if not group and is_gone(KEYS[5], ARGV[6]) then return 'absent' end
if not group and #names >= MOST_GROUPS then return 'crowded' end
if not group or ARGV[5] == '1' then
  group = group or { pattern = '', at = 0 }
  group.floor = tonumber(facts.total) or 0
  group.cursor = ARGV[4] == '' and '' or cursor_since(KEYS[3], ARGV[4])
  write_group(KEYS[2], ARGV[3], group)
  redis.call('ZADD', KEYS[4], 0, ARGV[2])
end
return group.cursor == '' and 'live' or 'filling'
