#!lua flags=allow-oom
-- Drops envelopes of a dead letter for good.
-- GUARANTEE  nothing else is touched.
-- KEYS       1 dead, 2 progress
-- ARGV       1 entry id, 2 moved mask
-- RETURNS    1 = dropped, 0 = gone already
-- RUN TWICE  0.
-- @include masks
-- @include letter
local letter, stored = read_letter(KEYS[1], KEYS[2], ARGV[1])
if not letter then return 0 end
local moved = masked(stored, ARGV[2], '1')
if ones(moved) == 0 then return 0 end
keep_letter(KEYS[1], KEYS[2], ARGV[1], masked(stored, moved, '0'))
return 1
