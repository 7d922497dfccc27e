-- Whether the entry is pending for this consumer.
local function is_held(stream, id, consumer)
  local pending = redis.pcall('XPENDING', stream, 'g', id, id, 1, consumer)
  return not pending.err and #pending > 0
end

-- The fields of an entry as a table, and as the raw list; nil when the entry is gone.
local function read_entry(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  if #found == 0 then return nil end
  local raw, fields = found[1][2], {}
  for i = 1, #raw, 2 do fields[raw[i]] = raw[i + 1] end
  return fields, raw
end

-- Ends an entry: acknowledged, deleted, its record dropped.
local function end_entry(stream, progress, id)
  redis.call('XACK', stream, 'g', id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', progress, id)
end
