#!lua flags=allow-oom
-- Takes a node onto the lane; in the lane that keeps reports with its report, its index by service and the news of it.
-- GUARANTEE  afterwards the node is a member; its inbox exists when asked for (replies use NOMKSTREAM); who is told `joined`
--            finds its report and its index.
-- KEYS       1 members, 2 revision, 3 inbox, 4 report, 5 news, 6 news:seq, 7 alerts:log
-- ARGV       1 node id, 2 lane prefix, 3 '1' = open the inbox here, 4 report ('' = none is kept here), 5 report lifetime ms,
--            6... service, its entry in the index, service, ...
-- RETURNS    {revision, first inbox entry id or '', id of the news or '', id of the last entry of the alert log or ''}
-- RUN TWICE  a second marker entry in the inbox and the news twice; nothing else changes.
-- @include revision
-- @include news
-- @include instances
-- @include healing
local added = redis.call('HSETNX', KEYS[1], ARGV[1], 1)
local revision = added == 1 and redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED) or redis.call('GET', KEYS[2])
local cursor, told, logged = '', '', nil
if ARGV[3] == '1' then cursor = redis.call('XADD', KEYS[3], '*', 'j', '1') end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[4], ARGV[4], 'PX', ARGV[5])
  for at = 6, math.min(#ARGV - 1, 4 + 2 * MOST_SERVICES), 2 do index_instance(ARGV[2], ARGV[at], ARGV[1], ARGV[at + 1]) end
  told = tell_report(KEYS[5], KEYS[6], 'joined', ARGV[1], ARGV[4])
  logged = healing('XREVRANGE', KEYS[7], '+', '-', 'COUNT', 1)[1]
end
return { tostring(revision), cursor, told, logged and logged[1] or '' }
