#!lua flags=allow-oom
-- Draws from a window: so many may pass in any stretch of its length.
-- GUARANTEE  over all nodes no more pass than the limit, and beyond it no more new ones than the burst.
-- KEYS       1 alertpermit, 2 alertburst
-- ARGV       1 limit, 2 length of the window ms, 3 burst ('' = it is not new), 4 now ms, 5 key ('' = none)
-- RETURNS    1 = passes, 0 = does not
-- RUN TWICE  counted twice, where it passes twice; with a key, once.
-- @include healing
local window_ms, now = tonumber(ARGV[2]), tonumber(ARGV[4])
-- No number begins like this.
local member = ARGV[5] ~= '' and 'k' .. ARGV[5]

-- How many passed in the window. What lies far ahead was counted before the clock was set back.
local function passed(key)
  local old = healing('ZCOUNT', key, '-inf', string.format('%.0f', now - window_ms))
  if old > 0 then redis.call('ZREMRANGEBYRANK', key, 0, old - 1) end
  local ahead = redis.call('ZCOUNT', key, string.format('%.0f', now + window_ms), '+inf')
  if ahead > 0 then redis.call('ZREMRANGEBYRANK', key, -ahead, -1) end
  return redis.call('ZCARD', key)
end

local function count(key)
  local like = redis.call('ZCOUNT', key, ARGV[4], ARGV[4])
  redis.call('ZADD', key, ARGV[4], member or ARGV[4] .. ':' .. like)
  redis.call('PEXPIRE', key, ARGV[2])
end

local passes = passed(KEYS[1]) < tonumber(ARGV[1])
if member and redis.call('ZSCORE', KEYS[1], member) then return 1 end
if ARGV[3] ~= '' then passes = passed(KEYS[2]) < tonumber(ARGV[3]) or passes end
if not passes then return 0 end
count(KEYS[1])
if ARGV[3] ~= '' then count(KEYS[2]) end
return 1
