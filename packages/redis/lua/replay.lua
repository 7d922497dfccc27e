#!lua
-- Puts envelopes of a dead letter back into the mailbox, with no deliveries charged.
-- GUARANTEE  each envelope is in one place at every moment; refused on a full server.
-- KEYS       1 dead, 2 progress, 3 mailbox, 4 level
-- ARGV       1 entry id, 2 moved mask
-- RETURNS    1 = moved, 0 = gone already (or no frame: it can only be dropped)
-- RUN TWICE  0.
-- @include masks
-- @include line
-- @include level
-- @include letter
local letter, stored = read_letter(KEYS[1], KEYS[2], ARGV[1])
if not letter or not letter.f or not letter.n then return 0 end
local moved = masked(stored, ARGV[2], '1')
if ones(moved) == 0 then return 0 end
redis.call('XADD', KEYS[3], '*', 'f', letter.f, 'n', letter.n, 't', moved, 'h', letter.h or '[]')
change_level(KEYS[4], ones(moved), #letter.f)
keep_letter(KEYS[1], KEYS[2], ARGV[1], masked(stored, moved, '0'))
return 1
