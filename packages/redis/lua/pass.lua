#!lua flags=allow-oom
-- Passes a turn on that nobody at this node wants any more.
-- GUARANTEE  only the first in line gives up its place; the next has its turn.
-- KEYS       1 members, 2 level
-- ARGV       1 node id
-- RETURNS    1 = passed on, 0 = it was not the first, 'not-member'
-- RUN TWICE  0, unless it is the first again.
-- @include fence
-- @include line
if redis.call('LINDEX', (line_key(KEYS[2])), 0) ~= ARGV[1] then return 0 end
leave_line(KEYS[2])
return 1
