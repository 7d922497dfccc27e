#!lua flags=allow-oom
-- Puts what came of a mailbox that is being split, or was, into its partitions of one lane.
-- GUARANTEE  each entry comes into a partition once, however often it is tried before it is ended where it was.
-- KEYS       1 members, 2 moved, then per copy: log, level, progress
-- ARGV       1 node id, 2 lifetime of what was moved ms, then per copy: `<id>#<partition>`, frame, count, todo, deliveries, history,
--            progress record ('' = none)
-- RETURNS    how many copies came now, 'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include masks
-- @include line
-- @include level
local moved = 0
for copy = 0, math.floor((#KEYS - 2) / 3) - 1 do
  local log, level, progress = KEYS[3 + 3 * copy], KEYS[4 + 3 * copy], KEYS[5 + 3 * copy]
  local at = 3 + 7 * copy
  local name, frame, todo, record = ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 6]
  if redis.call('HEXISTS', KEYS[2], name) == 0 then
    local fields = { 'f', frame, 'n', ARGV[at + 2], 't', todo }
    for i, field in ipairs({ 'd', 'h', 'p' }) do
      local value = ARGV[at + 3 + i]
      if value ~= '' then fields[#fields + 1] = field; fields[#fields + 1] = value end
    end
    local id = redis.call('XADD', log, '*', unpack(fields))
    if record ~= '' then redis.call('HSET', progress, id, record) end
    change_level(level, ones(todo), #frame)
    redis.call('HSET', KEYS[2], name, '1')
    moved = moved + 1
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return moved
