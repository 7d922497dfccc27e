#!lua flags=allow-oom
-- Forgets those who waited for the answer to an id: they have been told.
-- GUARANTEE  only once the run of that message has ended, and only if no other message is the run by now.
-- KEYS       1 once, 2 oncewaiters
-- ARGV       1 message
-- RETURNS    1 = forgotten, 0 = nothing to forget
-- RUN TWICE  0.
-- @include once
local known = read_once(redis.call('GET', KEYS[1]))
if not known or known.message ~= ARGV[1] or known.state == 'p' then return 0 end
if known.state == 'f' then redis.call('UNLINK', KEYS[1]) end
return redis.call('UNLINK', KEYS[2])
