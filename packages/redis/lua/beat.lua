#!lua flags=allow-oom
-- One beat of a node in one lane, with the lane's upkeep.
-- GUARANTEE  a non-member changes nothing; a member's counter grows by one, due frames move, nothing expires that lives.
-- KEYS       1 members, 2 revision, 3 orphans, 4 node, 5 sent, 6 due, 7 due:frames, 8 audited mailbox
-- ARGV       1 node id, 2 lane prefix, 3 report ('' = unchanged), 4 '1' = refresh lifetimes and tell the time, 5 report lifetime ms,
--            6 lifetime of the producer numbers ms, 7 audited mailbox name ('' = none), 8 most frames to move, 9... watched ids
-- RETURNS    {seconds, microseconds ('' = not told), revision, orphans, moved, more, next due, '1' = the report is gone, counter of each watched id}
--            or 'not-member'
-- RUN TWICE  the counter grows twice; harmless.
-- @include time
-- @include move-due
-- @include consumers
-- @include audit
-- The own counter and the watched ones in one look: an idle node's beat should cost next to nothing.
local watched = { ARGV[1] }
for i = 9, math.min(#ARGV, 24) do watched[#watched + 1] = ARGV[i] end
local counters = redis.call('HMGET', KEYS[1], unpack(watched))
if not counters[1] then return 'not-member' end
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
local time, report_gone = { '', '' }, '0'
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[5]) end
if ARGV[4] == '1' then
  time = redis.call('TIME')
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
  if ARGV[3] == '' and redis.call('PEXPIRE', KEYS[4], ARGV[5]) == 0 then report_gone = '1' end
end
local moved, more, next_due = move_due(ARGV[2], KEYS[6], KEYS[7], tonumber(ARGV[8]))
if ARGV[7] ~= '' then audit(KEYS[1], KEYS[3], KEYS[8], ARGV[7]) end
local answer = { time[1], time[2], redis.call('GET', KEYS[2]) or '0', redis.call('SCARD', KEYS[3]), moved, more, next_due, report_gone }
for i = 2, #watched do answer[#answer + 1] = counters[i] or '' end
return answer
