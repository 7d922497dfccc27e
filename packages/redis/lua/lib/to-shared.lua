-- Moves an entry for one member alone into the shared mailbox, destination first. What happened to it goes along: in its
-- record for scripts, and in the field `p` for whoever reads it as a new one.
local MOST_FIELDS = 512

local function to_shared(stream, progress, shared, shared_progress, id, raw, p)
  local entry = { 'XADD', shared, '*' }
  for i = 1, math.min(#raw, MOST_FIELDS), 2 do
    if raw[i] ~= 'p' then entry[#entry + 1] = raw[i]; entry[#entry + 1] = raw[i + 1] end
  end
  local happened = p.crashes > 0 or p.mask ~= '' or p.charges ~= ''
  local record = p.crashes .. '|' .. p.mask .. '||' .. p.charges
  if happened then entry[#entry + 1] = 'p'; entry[#entry + 1] = record end
  local moved = redis.call(unpack(entry))
  if happened then redis.call('HSET', shared_progress, moved, record) end
  end_entry(stream, progress, id)
end
