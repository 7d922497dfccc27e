-- Takes names out of a space, with the answers that are left under them; answers how many answers there were.
local function forget(prefix, names, ends, listed)
  if #listed == 0 then return 0 end
  local keys = {}
  for i, name in ipairs(listed) do keys[i] = prefix .. name end
  local count = redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', names, unpack(listed))
  redis.call('ZREM', ends, unpack(listed))
  return count
end
