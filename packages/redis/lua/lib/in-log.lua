-- Whether an entry is in a log. Whoever has its record has no need to ask: it goes with the entry.
local function is_in_log(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end
