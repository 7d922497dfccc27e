-- Runs a command on a key. What lies there and is of another type makes room.
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
