#!lua flags=allow-oom
-- Gives the lease of a probe back without an outcome.
-- GUARANTEE  only its holder's: a lease that somebody else has by now stays.
-- KEYS       1 breaker
-- ARGV       1 token
-- RETURNS    1 = given back, 0 = it was over
-- RUN TWICE  0.
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'lease', '', 'leaseUntil', '0')
return 1
