-- KEYS and ARGV are those of `keyedcommit`.
local function add_cast(mailbox, count, frame)
  local time = redis.call('TIME')
  -- Microseconds, or one more than the last: no number comes twice, even of a log that has lost its end.
  local last = tonumber(redis.call('HGET', KEYS[4], 'outgoing') or '0') or 0
  local number = string.format('%.0f', math.max(last + 1, tonumber(time[1]) * 1000000 + tonumber(time[2])))
  redis.call('HSET', KEYS[4], 'outgoing', number)
  redis.call('XADD', KEYS[8], number .. '-0', 'm', mailbox, 'n', count, 'f', frame)
end

local function commit()
  if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
  local id, index = ARGV[3], ARGV[4]
  local record = redis.call('HGET', KEYS[5], id)
  if not record and not is_in_log(KEYS[3], id) then return 0 end
  local p = read_progress(record)
  local stored = p.mask ~= '' and p.mask or ARGV[5]
  local place = tonumber(index) + 1
  if string.sub(stored, place, place) ~= '1' then return 0 end
  local indexes, applied = applied_in(KEYS[6], id)
  if applied[index] then return 0 end
  if ARGV[8] == 'set' then redis.call('HSET', KEYS[7], ARGV[7], ARGV[9]) end
  if ARGV[8] == 'delete' then redis.call('HDEL', KEYS[7], ARGV[7]) end
  for at = 12, #ARGV - 2, 3 do add_cast(ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
  if ARGV[10] == '1' then
    indexes[#indexes + 1] = index
    redis.call('HSET', KEYS[6], id, table.concat(indexes, ','), id .. ':' .. index, ARGV[11])
    p.mask = stored
    write_progress(KEYS[5], id, p)
    return 1
  end
  local rest = string.sub(stored, 1, place - 1) .. '0' .. string.sub(stored, place + 1)
  leave_rest(KEYS[3], KEYS[4], KEYS[5], id, p, stored, rest, tonumber(ARGV[6]), false)
  if ones(rest) > 0 then return 1 end
  forget_kept(KEYS[6], id)
  return 2
end
