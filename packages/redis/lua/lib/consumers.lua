-- The consumers of a mailbox as {name, pending}, at most 256, and whether there are more. None when there is no group.
local MOST_CONSUMERS = 256

local function consumers_of(stream)
  local listed = redis.pcall('XINFO', 'CONSUMERS', stream, 'g')
  if listed.err then return {}, false end
  local found = {}
  for i = 1, math.min(#listed, MOST_CONSUMERS) do
    local facts = {}
    for at = 1, #listed[i], 2 do facts[listed[i][at]] = listed[i][at + 1] end
    found[i] = { facts.name, facts.pending }
  end
  return found, #listed > MOST_CONSUMERS
end
