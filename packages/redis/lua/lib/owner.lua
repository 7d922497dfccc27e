-- Who owns a partition: recorded as `id`, or as `id last` when it was taken over from a dead node, with the last entry that
-- was in its log then ('' = none); ` last` when it was released since, and something of that was left. What counts is whether
-- that node is a member: see who asks.
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
