#!lua flags=allow-oom
-- Hands an entry back for whoever has room, without charging a delivery.
-- GUARANTEE  the entry changes hands in one step; its mark is cleared. What was for this node alone goes into the shared mailbox.
--            Of a mailbox that was split it stays in hand: the caller moves it into the partitions.
-- KEYS       1 members, 2 mailbox, 3 level, 4 progress, 5 orphans, 6 revision, and of what is for one member
--            alone: 7 the shared mailbox, 8 its progress
-- ARGV       1 node id, 2 entry id, 3 mailbox name, 4 what it held to do when claimed, 5 what is left, 6 bytes, 7 lane prefix
-- RETURNS    1 = handed back (or ended, when nothing is left), 0 = lost, {partitions, what is left} of a mailbox that was split,
--            'not-member'
-- RUN TWICE  0.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include held
-- @include remain
-- @include poke
-- @include to-shared
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or ARGV[4]
local rest = masked(stored, ARGV[5], '1')
if rest ~= stored or p.mark ~= '' then
  leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, tonumber(ARGV[6]), true)
end
local partitions = ones(rest) > 0 and not KEYS[7] and redis.call('HGET', KEYS[3], 'partitions')
if partitions then return { tonumber(partitions), rest } end
if ones(rest) > 0 and KEYS[7] then
  local _, raw = read_entry(KEYS[2], id)
  if not raw then return 0 end
  to_shared(KEYS[2], KEYS[4], KEYS[7], KEYS[8], id, raw, p)
elseif ones(rest) > 0 then
  redis.call('XCLAIM', KEYS[2], 'g', 'parked', 0, id, 'JUSTID')
  if redis.call('SADD', KEYS[5], ARGV[3]) == 1 then
    redis.call('INCR', KEYS[6])
    poke(KEYS[1], ARGV[7])
  end
end
return 1
