#!lua
-- Keeps an answer for a while.
-- GUARANTEE  the space holds at most its number of answers once as many puts have followed, those that end soonest give way;
--            an answer that was fetched before an invalidation is not kept; both indexes end with the last answer;
--            refused on a full server.
-- KEYS       1 cached, 2 filling, 3 cacherounds, 4 cachenames, 5 cacheends
-- ARGV       1 prefix of the answers' keys, 2 name, 3 bytes, 4 lifetime ms, 5 token ('' = a refresh), 6 most answers
-- RETURNS    1 = kept, 0 = overtaken by an invalidation
-- RUN TWICE  kept again, for a lifetime from then on.
-- @include time
-- @include cache
local MOST_STEPS = 32

local token = ARGV[5]
if token ~= '' then
  local lease = redis.call('GET', KEYS[2])
  local overtaken = string.match(token, '^%d+') ~= (redis.call('GET', KEYS[3]) or '0')
  if lease == token then
    redis.call('UNLINK', KEYS[2])
  elseif lease and string.sub(lease, -1) == '!' then
    overtaken = true
  end
  if overtaken then return 0 end
end
local now = now_ms(redis.call('TIME'))
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[4], 0, ARGV[2])
redis.call('ZADD', KEYS[5], now + tonumber(ARGV[4]), ARGV[2])
forget(ARGV[1], KEYS[4], KEYS[5], redis.call('ZRANGE', KEYS[5], '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_STEPS))
local excess = math.min(redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[6]), MOST_STEPS)
if excess > 0 then forget(ARGV[1], KEYS[4], KEYS[5], redis.call('ZRANGE', KEYS[5], 0, excess - 1)) end
for _, index in ipairs({ KEYS[4], KEYS[5] }) do
  if redis.call('PEXPIRE', index, ARGV[4], 'NX') == 0 then redis.call('PEXPIRE', index, ARGV[4], 'GT') end
end
return 1
