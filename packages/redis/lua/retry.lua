#!lua flags=allow-oom
-- Sends envelopes of an entry into the due set, to come back later.
-- GUARANTEE  each envelope is in one place at every moment; the copy is written before the source gives it up.
-- KEYS       1 members, 2 mailbox, 3 level, 4 progress, 5 due, 6 due:frames, 7 due:seq, 8 revision
-- ARGV       1 node id, 2 entry id, 3 mailbox name, 4 moved mask, 5 mask left ('' = none), 6 at (ms), 7 deliveries, 8 history
-- RETURNS    1 = done, 0 = lost, 'not-member'
-- RUN TWICE  moves nothing again.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
-- @include due
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local entry = read_entry(KEYS[2], id)
if not entry or not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[4], '1')
local rest = masked(masked(stored, ARGV[5], '1'), moved, '0')
if ones(moved) > 0 then
  put_aside(KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[6], { ARGV[3], entry.f, entry.n, moved, ARGV[7], ARGV[8] })
  change_level(KEYS[3], ones(moved), #entry.f)
end
leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, #entry.f, false)
return 1
