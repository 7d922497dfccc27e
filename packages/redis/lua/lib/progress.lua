-- A progress record is `crashes|mask|mark|charges`: nodes that died with the entry, what is to do ('' = as appended),
-- the envelope that was started alone ('' = none), and extra deliveries as `index:count,index:count`.
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end

local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
