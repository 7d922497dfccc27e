#!lua flags=allow-oom
-- Stores what has changed in a node's report.
-- GUARANTEE  report, index by service and the news `changed` are one step; only a member announces.
-- KEYS       1 members, 2 report, 3 news, 4 news:seq
-- ARGV       1 node id, 2 lane prefix, 3 report, 4 report lifetime ms, 5... service, its entry in the index ('' = it went),
--            service, ...
-- RETURNS    1 = told now, 0 = stood there already, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include news
-- @include instances
for at = 5, math.min(#ARGV - 1, 3 + 4 * MOST_SERVICES), 2 do
  if ARGV[at + 1] == '' then
    forget_instance(ARGV[2], ARGV[at], ARGV[1])
  else
    index_instance(ARGV[2], ARGV[at], ARGV[1], ARGV[at + 1])
  end
end
local before = redis.pcall('GET', KEYS[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if before == ARGV[3] then return 0 end
tell_report(KEYS[3], KEYS[4], 'changed', ARGV[1], ARGV[3])
return 1
