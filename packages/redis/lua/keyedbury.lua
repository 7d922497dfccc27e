#!lua flags=allow-oom
-- Makes dead letters of envelopes of an entry of a log, or of an entry that is no frame.
-- GUARANTEE  only by the owner; each envelope is in one place at every moment, the letter is written first.
-- KEYS       1 members, 2 owners, 3 log, 4 level, 5 progress, 6 kept, 7 dead
-- ARGV       1 node id, 2 partition, 3 entry id, 4 moved mask ('' = the entry as it is, no frame), 5 mask left ('' = none), 6 reason,
--            7 deliveries, 8 history
-- RETURNS    1 = done, 0 = lost, 'not-member'
-- RUN TWICE  buries nothing again.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
-- @include owner
-- @include kept
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
local id = ARGV[3]
local entry, raw = read_entry(KEYS[3], id)
if not entry then return 0 end
if ARGV[4] == '' then
  local letter = { 'XADD', KEYS[7], '*', 'r', ARGV[6] }
  for i = 1, math.min(#raw, 512) do letter[#letter + 1] = raw[i] end
  redis.call(unpack(letter))
  end_entry(KEYS[3], KEYS[5], id)
  return 1
end
if not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[5], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[4], '1')
if ones(moved) == 0 then return 0 end
local rest = masked(masked(stored, ARGV[5], '1'), moved, '0')
redis.call('XADD', KEYS[7], '*', 'r', ARGV[6], 'f', entry.f, 'n', entry.n, 't', moved, 'd', ARGV[7], 'h', ARGV[8])
leave_rest(KEYS[3], KEYS[4], KEYS[5], id, p, stored, rest, #entry.f, false)
if ones(rest) == 0 then forget_kept(KEYS[6], id) end
return 1
