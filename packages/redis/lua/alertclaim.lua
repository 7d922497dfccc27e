#!lua flags=allow-oom
-- Claims a notice of an alert for a group of subscribers.
-- GUARANTEE  of all members one is granted it; a claim of a node that is no member does not count; a later notice
--            supersedes an earlier one.
-- KEYS       1 members, 2 alertclaims
-- ARGV       1 node id, 2 group, 3 number of the notice, 4 lifetime of the claims ms
-- RETURNS    granted | held | done | 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include healing
-- @include notice
local wanted = tonumber(ARGV[3])
local done, notice, node = read_claim(KEYS[2], ARGV[2])
if wanted <= done then return 'done' end
local mine = node == ARGV[1] and notice == wanted
if not mine and notice >= wanted and redis.call('HEXISTS', KEYS[1], node) == 1 then return 'held' end
keep_claim(KEYS[2], ARGV[2], done, wanted, ARGV[1], ARGV[4])
return 'granted'
