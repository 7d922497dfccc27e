#!lua flags=allow-oom
-- Records what is left to do in entries of one mailbox, and which envelope is about to start alone.
-- GUARANTEE  what is done stays done: masks only lose ones. Nothing left ends the entry.
-- KEYS       1 members, 2 mailbox, 3 level, 4 progress
-- ARGV       1 node id, then per entry: id, what it held to do when claimed, what is left, marked index ('' = none), bytes
-- RETURNS    one character per entry in order, '1' = recorded, '0' = lost; or 'not-member'
-- RUN TWICE  same records; '0' for those that ended.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
local answer = {}
for at = 2, #ARGV, 5 do
  local id, claimed, left, mark, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  if is_held(KEYS[2], id, ARGV[1]) then
    local p = read_progress(redis.call('HGET', KEYS[4], id))
    local stored = p.mask ~= '' and p.mask or claimed
    p.mark = mark
    leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, masked(stored, left, '1'), bytes, false)
    answer[#answer + 1] = '1'
  else
    answer[#answer + 1] = '0'
  end
end
return table.concat(answer)
