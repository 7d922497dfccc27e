#!lua flags=allow-oom
-- Draws from token buckets ahead of time: the same sums as bucket.ts of core.
-- GUARANTEE  what all nodes are given together is what time has earned, and will have earned by the moments it is given for.
-- KEYS       1.. per bucket its rate
-- ARGV       1 how many buckets, then per bucket: tokens a second, tokens kept at most, wanted, returned, and how far
--            ahead one may be given, ms
-- RETURNS    per bucket: how many were given, and when the first of them is earned, ms from now
-- RUN TWICE  drawn twice: the bucket is the poorer for it until time has made it good.
-- @include healing
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local answer = {}
-- Bounded: a caller asks for 128 at most.
for i = 1, math.min(128, tonumber(ARGV[1])) do
  local every, burst = 1000 / tonumber(ARGV[5 * i - 3]), tonumber(ARGV[5 * i - 2])
  local wanted, returned, within = tonumber(ARGV[5 * i - 1]), tonumber(ARGV[5 * i]), tonumber(ARGV[5 * i + 1])
  local until_ms, before = string.match(healing('GET', KEYS[i]) or '', '^(%S+) (%S+)$')
  until_ms, before = tonumber(until_ms), tonumber(before)
  local owed = 0
  -- What cannot be read was never spent. Tokens stay tokens when the rate changes.
  if until_ms and before and before > 0 and until_ms > now then owed = (until_ms - now) / before * every end
  -- No more than could have been given.
  local debt = math.max(0, math.min(owed, within + burst * every) - returned * every)
  local lead = debt - (burst - 1) * every
  local granted = math.max(0, math.min(wanted, math.floor((within - lead) / every + 1e-6) + 1))
  debt = debt + granted * every
  if debt <= 0 then
    redis.call('UNLINK', KEYS[i])
  else
    -- Full again, it is as if it had never been.
    redis.call('SET', KEYS[i], string.format('%.3f %.9g', now + debt, every), 'PX', string.format('%.0f', math.ceil(debt) + 1))
  end
  answer[2 * i - 1] = granted
  answer[2 * i] = string.format('%.3f', lead)
end
return answer
