-- The cursor of a group that shall have what is in the log from `since` on ('-' = all, else ms); '' when that is nothing.
local function cursor_since(log, since)
  local first = redis.call('XRANGE', log, since, '+', 'COUNT', 1)[1]
  if not first then return '' end
  local ms, total = string.match(first[1], '^%d+'), total_of(first[1])
  -- No entry of ours has a total of 0; a stranger's may.
  if total == 0 then return exact(tonumber(ms) - 1) .. '-18446744073709551615' end
  return ms .. '-' .. exact(total - 1)
end
