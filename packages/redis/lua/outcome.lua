#!lua flags=allow-oom
-- Adds outcomes to a shared breaker and evaluates it.
-- GUARANTEE  window, phase and the news of a transition are one step; a breaker that was lost goes on from the caller's copy.
-- KEYS       1 breaker, 2 breakers, 3 news, 4 news:seq
-- ARGV       1 name, 2 who tells, 3 successes, 4 failures, 5 failures after the last success, 6 token of the probe ('' = none),
--            policy: 7 failures in a row, 8 share of failures, 9 least calls, 10 window ms, 11 probes that must succeed,
--            12 open ms, 13 longest open ms, 14 ramp ms, 15 quorum;
--            the caller's copy ('' = it has none): 16 phase, 17 changes, 18 changedAt, 19 openUntil, 20 openings,
--            21 failuresInRow, 22 failures, 23 successes, 24 reason, 25 by, 26 '1' = manual
-- RETURNS    the state, JSON
-- RUN TWICE  counted twice.
-- @include time
-- @include news
-- @include breaker
-- A breaker that was lost, from the copy of a node: an open one stays open, one that was tried is due at once.
local function restore(breaker, now, longest_ms)
  breaker.changes = whole(ARGV[17])
  if ARGV[16] == 'closed' then return end
  breaker.phase, breaker.reason, breaker.by, breaker.manual = 'open', ARGV[24], ARGV[25], ARGV[26] == '1'
  for i, field in ipairs({ 'changedAt', 'openUntil', 'openings', 'failuresInRow', 'failures', 'successes' }) do
    breaker[field] = whole(ARGV[17 + i])
  end
  if not breaker.manual then breaker.openUntil = math.min(breaker.openUntil, now + longest_ms) end
  breaker.rampUntil, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = 0, 0, '', 0
  breaker.window = empty_window()
end

local function judge(breaker, tally, policy, now, by)
  if breaker.rampUntil > now then
    if tally.failures > 0 then open(breaker, policy, now, by, 'a failure while it was closing') end
    return
  end
  if #breaker.window.failing < policy.quorum then return end
  if breaker.failuresInRow >= policy.failures_in_row then
    return open(breaker, policy, now, by, string.format('%.0f failures in a row', breaker.failuresInRow))
  end
  local successes, failures = sum_of(breaker.window)
  local calls = successes + failures
  if calls < policy.least_calls or failures == 0 or failures / calls < policy.failure_rate then return end
  open(breaker, policy, now, by, string.format('%.0f of %.0f calls failed', failures, calls))
end

local function count(breaker, tally, policy, now, by)
  breaker.failuresInRow = tally.successes > 0 and tally.trailing or breaker.failuresInRow + tally.failures
  breaker.window = with_outcomes(breaker.window, tally, policy.window_ms, policy.quorum, now, by)
end

local function end_probe(breaker, tally, policy, now, by)
  breaker.lease, breaker.leaseUntil = '', 0
  if tally.failures > 0 then
    count(breaker, tally, policy, now, by)
    return open(breaker, policy, now, by, 'the probe failed')
  end
  if tally.successes == 0 then return end
  local probes = breaker.probeSuccesses + 1
  if probes < policy.probes then
    breaker.probeSuccesses = probes
    return
  end
  local openings = breaker.openings
  close(breaker, now, by, string.format('%.0f probes succeeded', probes))
  breaker.openings, breaker.rampUntil = openings, policy.ramp_ms > 0 and now + policy.ramp_ms or 0
end

local now, by = now_ms(redis.call('TIME')), ARGV[2]
local tally = { successes = whole(ARGV[3]), failures = whole(ARGV[4]), trailing = whole(ARGV[5]) }
local policy = {
  failures_in_row = tonumber(ARGV[7]), failure_rate = tonumber(ARGV[8]), least_calls = tonumber(ARGV[9]),
  window_ms = tonumber(ARGV[10]), probes = tonumber(ARGV[11]), open_ms = tonumber(ARGV[12]),
  max_open_ms = tonumber(ARGV[13]), ramp_ms = tonumber(ARGV[14]), quorum = tonumber(ARGV[15]),
}
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes, failed_before = breaker.changes, breaker.failures > 0
-- Fewer transitions than the caller knows of: it was lost, though others may have begun it anew.
if ARGV[16] ~= '' and whole(ARGV[17]) > breaker.changes then restore(breaker, now, policy.max_open_ms) end
catch_up(breaker, now)
breaker.failures, breaker.successes = breaker.failures + tally.failures, breaker.successes + tally.successes
if breaker.phase == 'closed' then
  count(breaker, tally, policy, now, by)
  judge(breaker, tally, policy, now, by)
elseif breaker.lease ~= '' and breaker.lease == ARGV[6] then
  end_probe(breaker, tally, policy, now, by)
end
local state = keep_breaker(KEYS[1], breaker, now)
publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
if not failed_before and breaker.failures > 0 then redis.call('ZADD', KEYS[2], 0, ARGV[1]) end
return state
