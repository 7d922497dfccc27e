#!lua
-- Fills a group from the log of its topic, one step.
-- GUARANTEE  in order, each entry once; nothing of the log is left over when the group becomes live; a mailbox never exceeds
--            its limits; refused on a full server.
-- KEYS       1 members, 2 topic, 3 its log, 4 mailbox of the group, 5 its level, 6 due, 7 orphans
-- ARGV       1 node id, 2 group, 3 most entries
-- RETURNS    'done' | 'more' | 'full' | 'absent' | 'not-member'
-- RUN TWICE  the next step.
-- @include fence
-- @include line
-- @include time
-- @include admit
-- @include topic
local text = redis.call('HGET', KEYS[2], 'g:' .. ARGV[2])
if not text then return 'absent' end
local group = read_group(text)
if group.cursor == '' then return 'done' end
redis.call('XLEN', KEYS[4])
local most = tonumber(ARGV[3])
local found = redis.call('XRANGE', KEYS[3], '(' .. group.cursor, '+', 'COUNT', most)
local answer = #found < most and 'done' or 'more'
for i = 1, #found do
  local fields = found[i][2]
  local frame, count = fields[2], tonumber(fields[4])
  if frame and count then
    local full, messages, bytes = fullness(KEYS[1], KEYS[5], KEYS[4], KEYS[6], KEYS[7], count, #frame, false, ARGV[1], false)
    if full then
      answer = 'full'
      break
    end
    redis.call('XADD', KEYS[4], '*', 'f', frame, 'n', count)
    redis.call('HSET', KEYS[5], 'messages', messages, 'bytes', bytes)
  end
  group.cursor = found[i][1]
end
if answer == 'done' then group.cursor = '' end
write_group(KEYS[2], ARGV[2], group)
return answer
