#!lua flags=allow-oom
-- Makes dead letters of envelopes of an entry, or of an entry that is no frame.
-- GUARANTEE  each envelope is in one place at every moment; the letter is written before the source gives it up.
-- KEYS       1 members, 2 mailbox, 3 level, 4 progress, 5 dead
-- ARGV       1 node id, 2 entry id, 3 moved mask ('' = the entry as it is, no frame), 4 mask left ('' = none), 5 reason,
--            6 deliveries, 7 history
-- RETURNS    1 = done, 0 = lost, 'not-member'
-- RUN TWICE  buries nothing again.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local entry, raw = read_entry(KEYS[2], id)
if not entry then return 0 end
if ARGV[3] == '' then
  local letter = { 'XADD', KEYS[5], '*', 'r', ARGV[5] }
  for i = 1, math.min(#raw, 512) do letter[#letter + 1] = raw[i] end
  redis.call(unpack(letter))
  end_entry(KEYS[2], KEYS[4], id)
  return 1
end
if not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[3], '1')
local rest = masked(masked(stored, ARGV[4], '1'), moved, '0')
if ones(moved) > 0 then
  redis.call('XADD', KEYS[5], '*', 'r', ARGV[5], 'f', entry.f, 'n', entry.n, 't', moved, 'd', ARGV[6], 'h', ARGV[7])
end
leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, #entry.f, false)
return 1
