#!lua
-- Accepts one frame that shall enter its mailbox later.
-- GUARANTEE  as `append`, with the frame in the due set; it counts as waiting from now on.
-- KEYS       1 members, 2 sent of the node, 3 mailbox, 4 level, 5 due, 6 due:frames, 7 due:seq, 8 revision, 9 orphans
-- ARGV       1 node id, 2 mailbox name, 3 number, 4 count, 5 frame, 6 at (ms), 7 '1' = the node stands in line when it does not fit
-- RETURNS    `due-<number>`, or {it, hints} where hints stand | {room, messages, bytes, maxLength, maxBytes} when full |
--            {partitions} of a mailbox that was split ({0}: is being split) | 'not-member'
-- RUN TWICE  the answer of the first run.
-- @include fence
-- @include time
-- @include line
-- @include admit
-- @include due
local before = repeated(KEYS[2], ARGV[2], ARGV[3])
if before then return before end
local full, messages, bytes, hints =
  fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[9], tonumber(ARGV[4]), #ARGV[5], true, ARGV[1], ARGV[7] == '1')
if full then return full end
local id = 'due-' .. put_aside(KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[6], { ARGV[2], ARGV[5], ARGV[4], '', '', '' })
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id
