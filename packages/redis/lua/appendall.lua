#!lua
-- Appends several frames with consecutive numbers to a mailbox, in order.
-- GUARANTEE  as `append` for each; it stops at the first frame that does not fit, so that no number is skipped; so it does where the mailbox was split.
-- KEYS       1 members, 2 sent of the node, 3 mailbox, 4 level, 5 due, 6 orphans, and for one member: 7 its stream, 8 revision,
--            9 its inbox
-- ARGV       1 node id, 2 mailbox name or `mailbox>member`, 3 number of the first, and per frame (at most 16): count, frame
-- RETURNS    {how many of the first are in the mailbox, hints or ''} | 'not-member'
-- RUN TWICE  the same answer; nothing is appended again.
-- @include fence
-- @include time
-- @include line
-- @include admit
-- @include targeted
-- @include enter
local MOST_FRAMES = 16

local taken, hints = 0, ''
for at = 4, math.min(#ARGV - 1, 2 + 2 * MOST_FRAMES), 2 do
  local number = string.format('%.0f', tonumber(ARGV[3]) + taken)
  if not repeated(KEYS[2], ARGV[2], number) then
    local full, messages, bytes, brought =
      fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[6], tonumber(ARGV[at]), #ARGV[at + 1], not KEYS[7], ARGV[1], false)
    if full then break end
    local id = enter(ARGV[2], ARGV[at + 1], ARGV[at])
    redis.call('HSET', KEYS[2], ARGV[2], number .. ' ' .. id)
    redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
    hints = brought or ''
  end
  taken = taken + 1
end
return { taken, hints }
