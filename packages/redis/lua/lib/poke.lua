-- Tells members of this lane, through their inboxes, that there is something to adopt. A beat tells them anyway, later.
local MOST_POKED = 64

local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
