#!lua flags=allow-oom
-- Gives a lease back unfilled.
-- GUARANTEE  only its holder's: a lease that somebody else has by now stays.
-- KEYS       1 filling
-- ARGV       1 token
-- RETURNS    1 = given back, 0 = it was over
-- RUN TWICE  0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
