#!lua flags=allow-oom
-- Records what is left to do in entries of one log, which envelope is about to start alone, and deliveries that were spent.
-- GUARANTEE  only by the owner; what is done stays done: masks only lose ones, deliveries only grow. Nothing left ends the entry.
-- KEYS       1 members, 2 owners, 3 log, 4 level, 5 progress, 6 kept
-- ARGV       1 node id, 2 partition, then per entry: id, what it held to do when it was read, what is left, marked index ('' = none),
--            bytes, deliveries spent as `index:count,...`, what happened before ('' = as it was)
-- RETURNS    one character per entry in order, '1' = recorded, '0' = lost; or 'not-member'
-- RUN TWICE  same records; '0' for those that ended.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
-- @include owner
-- @include kept
-- @include in-log
local function spend(charges, spent)
  local counts, order = {}, {}
  for index, count in string.gmatch(charges .. ',' .. spent, '(%d+):(%d+)') do
    if not counts[index] then order[#order + 1] = index end
    counts[index] = math.max(counts[index] or 0, tonumber(count))
  end
  for i, index in ipairs(order) do order[i] = index .. ':' .. counts[index] end
  return table.concat(order, ',')
end

local owned = owner_of(KEYS[2], ARGV[2]) == ARGV[1]
local answer = {}
for at = 3, #ARGV - 6, 7 do
  local id, claimed, left, mark = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local bytes, spent, history = tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6]
  local record = owned and redis.call('HGET', KEYS[5], id)
  if record or (owned and is_in_log(KEYS[3], id)) then
    local p = read_progress(record)
    local stored = p.mask ~= '' and p.mask or claimed
    p.mark = mark
    if spent ~= '' then p.charges = spend(p.charges, spent) end
    if history ~= '' then redis.call('HSET', KEYS[6], id .. ':h', history) end
    local rest = masked(stored, left, '1')
    leave_rest(KEYS[3], KEYS[4], KEYS[5], id, p, stored, rest, bytes, false)
    if ones(rest) == 0 then forget_kept(KEYS[6], id) end
    answer[#answer + 1] = '1'
  else
    answer[#answer + 1] = '0'
  end
end
return table.concat(answer)
