-- A dead letter and the mask of what is still dead in it: kept beside it once part of it was replayed or dropped.
local function read_letter(dead, progress, id)
  local found = redis.call('XRANGE', dead, id, id)
  if #found == 0 then return nil end
  local fields = {}
  for i = 1, #found[1][2], 2 do fields[found[1][2][i]] = found[1][2][i + 1] end
  local count = tonumber(fields.n)
  local stored = redis.call('HGET', progress, 'dead:' .. id) or fields.t
  return fields, stored or string.rep('1', count and count <= 65535 and count or 1)
end

local function keep_letter(dead, progress, id, rest)
  if ones(rest) > 0 then
    redis.call('HSET', progress, 'dead:' .. id, rest)
  else
    redis.call('XDEL', dead, id)
    redis.call('HDEL', progress, 'dead:' .. id)
  end
end
