-- Takes a node off the lane: first off the member list, then its mailboxes become orphans, then its keys go. `kind` is the
-- news of it, told in the lane that keeps reports; '' in the others.
-- KEYS[1] members, KEYS[2] revision, KEYS[3] orphans, KEYS[4] node, KEYS[5] sent, KEYS[6] serves, KEYS[7] inbox,
-- KEYS[8] report, KEYS[9] news, KEYS[10] news:seq.
local function remove_member(id, prefix, kind)
  if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
  redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED)
  local served = redis.call('EXISTS', KEYS[6]) == 1
  if served then redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[6]) end
  if kind ~= '' then
    forget_instances(prefix, KEYS[8], id)
    tell(KEYS[9], KEYS[10], kind, id, '')
  end
  redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
  if served then poke(KEYS[1], prefix) end
  return 1
end
