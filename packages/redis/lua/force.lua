#!lua flags=allow-oom
-- Opens, closes or resets a breaker by hand.
-- GUARANTEE  the news of it is the same step.
-- KEYS       1 breaker, 2 breakers, 3 news, 4 news:seq
-- ARGV       1 name, 2 open, closed or reset, 3 reason, 4 who does it, 5 open for ms ('' = until somebody closes it)
-- RETURNS    the state, JSON
-- RUN TWICE  told twice; an opening is as long from then on.
-- @include time
-- @include news
-- @include breaker
local now = now_ms(redis.call('TIME'))
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes = breaker.changes
catch_up(breaker, now)
if ARGV[2] == 'open' then
  turn(breaker, 'open', now, ARGV[4], ARGV[3])
  breaker.openUntil, breaker.rampUntil, breaker.manual = ARGV[5] == '' and FOREVER or now + tonumber(ARGV[5]), 0, true
else
  close(breaker, now, ARGV[4], ARGV[3])
  if ARGV[2] == 'reset' then breaker.failures, breaker.successes = 0, 0 end
end
local state = keep_breaker(KEYS[1], breaker, now)
publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
return state
