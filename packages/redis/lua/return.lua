#!lua flags=allow-oom
-- Returns what was for one member alone to the shared mailbox: of a member that is gone, or of the caller, which serves it
-- no more.
-- GUARANTEE  each entry is in one place at every moment, with what is to do, its deliveries and its history; the level does
--            not change. What a dead node held counts a crash more, and its marked envelope is charged. What the caller
--            holds stays where it is. Nothing of a living other is touched. Once it is empty, nothing of it is left.
-- KEYS       1 members, 2 its stream, 3 its progress, 4 shared mailbox, 5 its progress, 6 orphans, 7 revision, 8 serves of the caller
-- ARGV       1 node id, 2 `mailbox>member`, 3 most entries to move
-- RETURNS    1 = more are left, 0 = done, or not to be had now, 'not-member'
-- RUN TWICE  moves what is left.
-- @include fence
-- @include targeted
-- @include progress
-- @include charge
-- @include held
-- @include to-shared
local _, target = addressed(ARGV[2])
local own = target == ARGV[1]
if not own and redis.call('HEXISTS', KEYS[1], target) == 1 then return 0 end
local from = '-'
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
local any_held = not pending.err and pending[1] > 0
-- A group reads in order: what lies behind its last pending entry is in nobody's hands.
if own and any_held then from = '(' .. pending[3] end
local limit = tonumber(ARGV[3])
local found = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', limit)
for _, entry in ipairs(found) do
  local id = entry[1]
  local p = read_progress(redis.call('HGET', KEYS[3], id))
  if any_held and not own and #redis.call('XPENDING', KEYS[2], 'g', id, id, 1) > 0 then
    p.crashes = p.crashes + 1
    if p.mark ~= '' then p.charges = charge(p.charges, p.mark) end
  end
  to_shared(KEYS[2], KEYS[3], KEYS[4], KEYS[5], id, entry[2], p)
end
if #found == limit then return 1 end
if own then redis.call('SREM', KEYS[8], ARGV[2]) end
if redis.call('XLEN', KEYS[2]) == 0 then
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('SREM', KEYS[6], ARGV[2])
elseif redis.call('SADD', KEYS[6], ARGV[2]) == 1 then
  redis.call('INCR', KEYS[7])
end
return 0
