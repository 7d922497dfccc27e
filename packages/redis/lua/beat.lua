#!lua flags=allow-oom
-- One beat of a node in one lane, with the lane's upkeep.
-- GUARANTEE  a non-member changes nothing; a member's counter grows by one; when the lane's revision is not the one that
--            the node knows, due frames move and it is told what there is to do; nothing expires that lives.
-- KEYS       1 members, 2 revision, 3 orphans, 4 node, 5 sent, 6 due, 7 due:frames, 8 audited mailbox, 9 report, 10 news:seq,
--            11 alerts:seq
-- ARGV       1 node id, 2 lane prefix, 3 vitals ('' = unchanged), 4 '1' = refresh lifetimes and tell the time ('2' = and the memory), 5 report lifetime ms,
--            6 lifetime of the producer numbers ms, 7 audited mailbox name ('' = none), 8 most frames to move,
--            9 revision that the node knows ('' = look in any case), 10... watched ids
-- RETURNS    {seconds, microseconds ('' = not told), revision, number of the last news, of the last item of the alert log,
--            orphans, moved, more, next due, '1' = the report is gone, '1' = the vitals are gone, used and
--            greatest memory of the server in bytes ('' = not told), counter of each watched id}
--            or 'not-member'
-- RUN TWICE  the counter grows twice; harmless.
-- @include time
-- @include targeted
-- @include move-due
-- @include consumers
-- @include audit
-- An idle node's beat should cost next to nothing: the own counter, the watched ones, the revision.
if redis.call('HINCRBY', KEYS[1], ARGV[1], 1) == 1 then
  -- A member's counter starts at 1: this one was none.
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 'not-member'
end
local counters = #ARGV > 9 and redis.call('HMGET', KEYS[1], unpack(ARGV, 10, math.min(#ARGV, 25))) or {}
local time, report_gone, vitals_gone, memory = { '', '' }, '0', '0', ''
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[5]) end
if ARGV[4] ~= '0' then
  time = redis.call('TIME')
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
  if redis.call('PEXPIRE', KEYS[9], ARGV[5]) == 0 then report_gone = '1' end
  if ARGV[3] == '' and redis.call('PEXPIRE', KEYS[4], ARGV[5]) == 0 then vitals_gone = '1' end
end
if ARGV[4] == '2' then
  -- A user who may not ask has its beat all the same.
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'string' then
    memory = (info:match('used_memory:(%d+)') or '') .. ' ' .. (info:match('maxmemory:(%d+)') or '')
  end
end
if ARGV[7] ~= '' then audit(KEYS[1], KEYS[3], KEYS[8], ARGV[7]) end
local numbers = redis.call('MGET', KEYS[2], KEYS[10], KEYS[11])
local revision = numbers[1] or '0'
local orphans, moved, more, next_due = 0, 0, 0, ''
if revision ~= ARGV[9] then
  moved, more, next_due = move_due(ARGV[2], KEYS[6], KEYS[7], tonumber(ARGV[8]))
  orphans = redis.call('SCARD', KEYS[3])
end
local answer = {
  time[1], time[2], revision, numbers[2] or '0', numbers[3] or '0', orphans, moved, more, next_due, report_gone, vitals_gone,
  memory,
}
for i = 1, #counters do answer[#answer + 1] = counters[i] or '' end
return answer
