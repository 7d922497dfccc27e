#!lua flags=allow-oom
-- Reads a page of all breakers, by name.
-- GUARANTEE  each as it is at this moment; names whose breaker was forgotten go.
-- KEYS       1 breakers
-- ARGV       1 beginning of the breakers' keys, 2 last name of the page before ('' = the first page)
-- RETURNS    {last name of this page ('' = there is no other), state as JSON, ...}
-- RUN TWICE  same answer.
-- @include time
-- @include breaker
local PAGE = 256

local now = now_ms(redis.call('TIME'))
local names = redis.call('ZRANGE', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', 0, PAGE)
local answer = { #names == PAGE and names[PAGE] or '' }
for _, name in ipairs(names) do
  local breaker = read_breaker(ARGV[1] .. name, name, now)
  if breaker.exists then
    answer[#answer + 1] = state_of(breaker, now)
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return answer
