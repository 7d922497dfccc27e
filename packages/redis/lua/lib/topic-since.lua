-- The cursor of a group that shall have what is in the log from `since` on ('-' = all, else ms); '' when that is nothing.
local function cursor_since(log, since)
  local first = redis.call('XRANGE', log, since, '+', 'COUNT', 1)[1]
  if not first then return '' end
  return string.match(first[1], '^%d+') .. '-' .. exact(total_of(first[1]) - 1)
end
