-- Puts one appended frame where it belongs: to the member it is for, or where that is none into the shared mailbox.
-- KEYS[1] members, KEYS[3] mailbox, KEYS[6] orphans, and for a member: KEYS[7] its stream, KEYS[8] revision, KEYS[9] its inbox.
local function enter(name, frame, count)
  local _, target = addressed(name)
  if target and redis.call('HEXISTS', KEYS[1], target) == 1 then
    return add_targeted({ 'f', frame, 'n', count }, KEYS[7], name, KEYS[6], KEYS[8], KEYS[9])
  end
  return redis.call('XADD', KEYS[3], '*', 'f', frame, 'n', count)
end
