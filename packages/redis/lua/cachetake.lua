#!lua flags=allow-oom
-- Looks an answer up; the first who misses it is the one to fill it.
-- GUARANTEE  one lease at a time for a key, until it is put, given back or over; what is known is also read on a full server.
-- KEYS       1 cached, 2 filling, 3 cacherounds
-- ARGV       1 token, 2 lease ms
-- RETURNS    the answer's bytes | {token} = fill it | 0 = somebody does
-- RUN TWICE  0: the lease of the first run stands, and nobody fills before it is over.
local body = redis.call('GET', KEYS[1])
if body then return body end
local round = redis.call('GET', KEYS[3]) or '0'
local token = round .. ':' .. ARGV[1]
if redis.call('SET', KEYS[2], token, 'NX', 'PX', ARGV[2]) then return { token } end
if redis.call('GET', KEYS[2]) ~= '!' then return 0 end
-- Whoever held it was overtaken by an invalidation: this lease says so to its late answer.
token = token .. '!'
redis.call('SET', KEYS[2], token, 'PX', ARGV[2])
return { token }
