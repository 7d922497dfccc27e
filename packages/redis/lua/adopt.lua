#!lua flags=allow-oom
-- Takes over entries of one mailbox from consumers that are no members, oldest first for each.
-- GUARANTEE  nothing is taken from a member. A dead node's entry counts one crash more, and its marked envelope is charged;
--            an entry that was handed back (consumer `parked`) is charged nothing.
-- KEYS       1 members, 2 mailbox, 3 progress, 4 orphans
-- ARGV       1 node id, 2 mailbox name, 3 most entries to take
-- RETURNS    {'1' when something is left for others, entries as {id, fields, progress record or ''}} or 'not-member'
-- RUN TWICE  takes what is left; entries of a first run whose answer was lost are found by the node's own sweep.
-- @include fence
-- @include progress
-- @include charge
-- @include consumers
local taken = {}
local room = tonumber(ARGV[3])
local consumers, more = consumers_of(KEYS[2])
local left = more and '1' or '0'
for _, known in ipairs(consumers) do
  local consumer, pending = known[1], known[2]
  if redis.call('HEXISTS', KEYS[1], consumer) == 0 then
    local found = {}
    if pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[2], 'g', consumer)
    elseif room > 0 then
      found = redis.call('XPENDING', KEYS[2], 'g', '-', '+', room, consumer)
    end
    if pending > #found then left = '1' end
    room = room - #found
    for _, held in ipairs(found) do
      local id = held[1]
      redis.call('XCLAIM', KEYS[2], 'g', ARGV[1], 0, id, 'JUSTID')
      local entry = redis.call('XRANGE', KEYS[2], id, id)
      if #entry == 0 then
        redis.call('XACK', KEYS[2], 'g', id)
        redis.call('HDEL', KEYS[3], id)
      else
        local record = redis.call('HGET', KEYS[3], id)
        if consumer ~= 'parked' then
          local p = read_progress(record)
          p.crashes = p.crashes + 1
          if p.mark ~= '' then p.charges = charge(p.charges, p.mark); p.mark = '' end
          write_progress(KEYS[3], id, p)
          record = redis.call('HGET', KEYS[3], id)
        end
        taken[#taken + 1] = { id, entry[1][2], record or '' }
      end
    end
  end
end
if left == '0' then redis.call('SREM', KEYS[4], ARGV[2]) end
return { left, taken }
