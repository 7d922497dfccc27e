-- What is kept of an entry of a log beside its record: `<id>` → the envelopes that have been applied as `index,index`,
-- `<id>:<index>` → the answer of each, `<id>:h` → what happened before.
local function applied_in(kept, id)
  local indexes, found = {}, {}
  for index in string.gmatch(redis.call('HGET', kept, id) or '', '%d+') do
    indexes[#indexes + 1] = index
    found[index] = true
  end
  return indexes, found
end

local function forget_kept(kept, id)
  local fields = { id, id .. ':h' }
  for _, index in ipairs((applied_in(kept, id))) do fields[#fields + 1] = id .. ':' .. index end
  redis.call('HDEL', kept, unpack(fields))
end
