#!lua
-- Appends one frame to a mailbox: for whoever has room, or for one member alone.
-- GUARANTEE  a producer's number is accepted once; a mailbox never exceeds its limits; refused on a full server.
--            What is for a member that is none goes into the shared mailbox.
-- KEYS       1 members, 2 sent of the node or produced of another producer, 3 mailbox, 4 level, 5 due, 6 orphans, and for one member: 7 its stream, 8 revision,
--            9 its inbox
-- ARGV       1 node id, 2 mailbox name or `mailbox>member`, 3 number, 4 count, 5 frame, 6 lifetime of the producer numbers ms ('' or absent:
--            the beat sees to it), 7 '1' = the node stands in line when it does not fit
-- RETURNS    entry id, or {entry id, hints} where hints stand | {room, messages, bytes, maxLength, maxBytes} when full |
--            {partitions} of a mailbox that was split ({0}: is being split) | 'not-member'
-- RUN TWICE  the entry id of the first run.
-- @include fence
-- @include time
-- @include line
-- @include admit
-- @include targeted
-- @include enter
local before = repeated(KEYS[2], ARGV[2], ARGV[3])
if before then return before end
local full, messages, bytes, hints =
  fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[6], tonumber(ARGV[4]), #ARGV[5], not KEYS[7], ARGV[1], ARGV[7] == '1')
if full then return full end
local id = enter(ARGV[2], ARGV[5], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
if ARGV[6] and ARGV[6] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id
