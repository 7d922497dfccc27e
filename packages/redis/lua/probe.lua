#!lua flags=allow-oom
-- Lets one caller try an open breaker whose time is over.
-- GUARANTEE  one lease at a time, over all nodes; the news of becoming half open is the same step.
-- KEYS       1 breaker, 2 breakers, 3 news, 4 news:seq
-- ARGV       1 name, 2 who asks, 3 token, 4 lease ms
-- RETURNS    {'1' = granted, when to ask again (backend time ms), the state as JSON}
-- RUN TWICE  refused: the lease of the first run stands until its end.
-- @include time
-- @include news
-- @include breaker
local now = now_ms(redis.call('TIME'))
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes = breaker.changes
catch_up(breaker, now)
local retry_at = breaker.phase == 'closed' and now or breaker.lease ~= '' and breaker.leaseUntil or breaker.openUntil
local granted = breaker.phase ~= 'closed' and retry_at <= now
if granted then
  if breaker.phase == 'open' then
    turn(breaker, 'half_open', now, ARGV[2], 'the wait is over')
    breaker.failuresInRow, breaker.window = 0, empty_window()
  end
  breaker.lease, breaker.leaseUntil = ARGV[3], now + tonumber(ARGV[4])
end
local state
if granted or breaker.changes ~= changes then
  state = keep_breaker(KEYS[1], breaker, now)
  publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
else
  state = state_of(breaker, now)
end
return { granted and '1' or '0', string.format('%.0f', retry_at), state }
