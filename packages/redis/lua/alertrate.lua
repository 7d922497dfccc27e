#!lua flags=allow-oom
-- Counts, and tells how many there were in the last window.
-- GUARANTEE  what came longer ago than the window is not counted, what came within all but its first step is.
-- KEYS       1 alertrate
-- ARGV       1 how many more, 2 length of the window ms, 3 now ms
-- RETURNS    how many
-- RUN TWICE  counted twice.
-- @include healing
local STEPS = 20
local MOST_FORGOTTEN = 1000

local step = math.floor(tonumber(ARGV[3]) * STEPS / tonumber(ARGV[2]))
local sum, current, old = 0, 0, {}
local counts = healing('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  local at, count = tonumber(counts[i]), tonumber(counts[i + 1])
  if at and count and at > step - STEPS and at <= step then
    sum = sum + count
    if at == step then current = count end
  else
    old[#old + 1] = counts[i]
  end
end
if #old > 0 then redis.call('HDEL', KEYS[1], unpack(old, 1, math.min(#old, MOST_FORGOTTEN))) end
local more = tonumber(ARGV[1])
if more > 0 then
  redis.call('HSET', KEYS[1], string.format('%.0f', step), string.format('%.0f', current + more))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return sum + more
