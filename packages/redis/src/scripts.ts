/** Written by lua/generate.js from lua/*.lua: change those, then run it. */
export interface Script {
  readonly sha: string;
  readonly lua: string;
}

export type ScriptName = 'adopt' | 'append' | 'appendall' | 'beat' | 'bury' | 'delay' | 'depth' | 'drop' | 'due' | 'join' | 'layout' | 'leave' | 'members' | 'open' | 'park' | 'progress' | 'reap' | 'replay' | 'reply' | 'retry' | 'settle';

export const scripts: Readonly<Record<ScriptName, Script>> = {
  adopt: {
    sha: '36115325158984887199b1ad174df493a621fc13',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function charge(charges, index)
  local counts, order, found = {}, {}, false
  for at, count in string.gmatch(charges, '(%d+):(%d+)') do
    order[#order + 1] = at
    counts[at] = tonumber(count)
    if at == index then counts[at] = counts[at] + 1; found = true end
  end
  if not found then order[#order + 1] = index; counts[index] = 1 end
  for i, at in ipairs(order) do order[i] = at .. ':' .. counts[at] end
  return table.concat(order, ',')
end
local MOST_CONSUMERS = 256
local function consumers_of(stream)
  local listed = redis.pcall('XINFO', 'CONSUMERS', stream, 'g')
  if listed.err then return {}, false end
  local found = {}
  for i = 1, math.min(#listed, MOST_CONSUMERS) do
    local facts = {}
    for at = 1, #listed[i], 2 do facts[listed[i][at]] = listed[i][at + 1] end
    found[i] = { facts.name, facts.pending }
  end
  return found, #listed > MOST_CONSUMERS
end
local taken = {}
local room = tonumber(ARGV[3])
local consumers, more = consumers_of(KEYS[2])
local left = more and '1' or '0'
for _, known in ipairs(consumers) do
  local consumer, pending = known[1], known[2]
  if redis.call('HEXISTS', KEYS[1], consumer) == 0 then
    local found = {}
    if pending == 0 then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[2], 'g', consumer)
    elseif room > 0 then
      found = redis.call('XPENDING', KEYS[2], 'g', '-', '+', room, consumer)
    end
    if pending > #found then left = '1' end
    room = room - #found
    for _, held in ipairs(found) do
      local id = held[1]
      redis.call('XCLAIM', KEYS[2], 'g', ARGV[1], 0, id, 'JUSTID')
      local entry = redis.call('XRANGE', KEYS[2], id, id)
      if #entry == 0 then
        redis.call('XACK', KEYS[2], 'g', id)
        redis.call('HDEL', KEYS[3], id)
      else
        local record = redis.call('HGET', KEYS[3], id)
        if consumer ~= 'parked' then
          local p = read_progress(record)
          p.crashes = p.crashes + 1
          if p.mark ~= '' then p.charges = charge(p.charges, p.mark); p.mark = '' end
          write_progress(KEYS[3], id, p)
          record = redis.call('HGET', KEYS[3], id)
        end
        taken[#taken + 1] = { id, entry[1][2], record or '' }
      end
    end
  end
end
if left == '0' then redis.call('SREM', KEYS[4], ARGV[2]) end
return { left, taken }`,
  },
  append: {
    sha: '3b8385a831c1a51e57b6a351cd26ea71187581c2',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function fullness(level, stream, due, count, size)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints')
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  if messages + count <= max_length and bytes + size <= max_bytes then return nil, messages + count, bytes + size, l[5] end
  if (messages > 0 or bytes > 0) and redis.call('XLEN', stream) == 0 and redis.call('EXISTS', due) == 0 then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then return nil, count, size, l[5] end
  end
  local room = math.max(0, max_length - messages)
  if bytes + size > max_bytes and room >= count then room = 0 end
  return { room, messages, bytes, max_length, max_bytes }
end
local before = repeated(KEYS[2], ARGV[2], ARGV[3])
if before then return before end
local full, messages, bytes, hints = fullness(KEYS[4], KEYS[3], KEYS[5], tonumber(ARGV[4]), #ARGV[5])
if full then return full end
local id = redis.call('XADD', KEYS[3], '*', 'f', ARGV[5], 'n', ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id`,
  },
  appendall: {
    sha: 'a4bc65f14ffd0103ed3bf7edf4c9d10b100769c3',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function fullness(level, stream, due, count, size)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints')
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  if messages + count <= max_length and bytes + size <= max_bytes then return nil, messages + count, bytes + size, l[5] end
  if (messages > 0 or bytes > 0) and redis.call('XLEN', stream) == 0 and redis.call('EXISTS', due) == 0 then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then return nil, count, size, l[5] end
  end
  local room = math.max(0, max_length - messages)
  if bytes + size > max_bytes and room >= count then room = 0 end
  return { room, messages, bytes, max_length, max_bytes }
end
local MOST_FRAMES = 16
local taken, hints = 0, ''
for at = 4, math.min(#ARGV - 1, 2 + 2 * MOST_FRAMES), 2 do
  local number = string.format('%.0f', tonumber(ARGV[3]) + taken)
  if not repeated(KEYS[2], ARGV[2], number) then
    local full, messages, bytes, brought = fullness(KEYS[4], KEYS[3], KEYS[5], tonumber(ARGV[at]), #ARGV[at + 1])
    if full then break end
    local id = redis.call('XADD', KEYS[3], '*', 'f', ARGV[at + 1], 'n', ARGV[at])
    redis.call('HSET', KEYS[2], ARGV[2], number .. ' ' .. id)
    redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
    hints = brought or ''
  end
  taken = taken + 1
end
return { taken, hints }`,
  },
  beat: {
    sha: '134285df87aa4cf900d9a732116b844d232f7fdb',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local POSTPONE_MS = 5000
local function move_due(prefix, due, frames, limit)
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if #first == 0 then return 0, 0, '' end
  local now = now_ms(redis.call('TIME'))
  if tonumber(first[2]) > now then return 0, 0, first[2] end
  local numbers = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, number in ipairs(numbers) do
    local packed = redis.call('HGET', frames, number)
    local refused = false
    if packed then
      local frame = cmsgpack.unpack(packed)
      local entry = { 'XADD', prefix .. 'mailbox:' .. frame[1], '*', 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then entry[#entry + 1] = name; entry[#entry + 1] = value end
      end
      local added = redis.pcall(unpack(entry))
      refused = type(added) == 'table' and added.err ~= nil
    end
    if refused then
      redis.call('ZADD', due, now + POSTPONE_MS, number)
    else
      redis.call('HDEL', frames, number)
      redis.call('ZREM', due, number)
    end
  end
  first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  return #numbers, #numbers == limit and 1 or 0, first[2] or ''
end
local MOST_CONSUMERS = 256
local function consumers_of(stream)
  local listed = redis.pcall('XINFO', 'CONSUMERS', stream, 'g')
  if listed.err then return {}, false end
  local found = {}
  for i = 1, math.min(#listed, MOST_CONSUMERS) do
    local facts = {}
    for at = 1, #listed[i], 2 do facts[listed[i][at]] = listed[i][at + 1] end
    found[i] = { facts.name, facts.pending }
  end
  return found, #listed > MOST_CONSUMERS
end
local function audit(members, orphans, stream, name)
  local orphaned = false
  for _, found in ipairs((consumers_of(stream))) do
    local consumer, pending = found[1], found[2]
    if redis.call('HEXISTS', members, consumer) == 0 then
      if pending > 0 then orphaned = true else redis.call('XGROUP', 'DELCONSUMER', stream, 'g', consumer) end
    end
  end
  if orphaned then redis.call('SADD', orphans, name) end
end
if redis.call('HINCRBY', KEYS[1], ARGV[1], 1) == 1 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 'not-member'
end
local counters = #ARGV > 9 and redis.call('HMGET', KEYS[1], unpack(ARGV, 10, math.min(#ARGV, 25))) or {}
local time, report_gone = { '', '' }, '0'
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[5]) end
if ARGV[4] == '1' then
  time = redis.call('TIME')
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
  if ARGV[3] == '' and redis.call('PEXPIRE', KEYS[4], ARGV[5]) == 0 then report_gone = '1' end
end
if ARGV[7] ~= '' then audit(KEYS[1], KEYS[3], KEYS[8], ARGV[7]) end
local revision = redis.call('GET', KEYS[2]) or '0'
local orphans, moved, more, next_due = 0, 0, 0, ''
if revision ~= ARGV[9] then
  moved, more, next_due = move_due(ARGV[2], KEYS[6], KEYS[7], tonumber(ARGV[8]))
  orphans = redis.call('SCARD', KEYS[3])
end
local answer = { time[1], time[2], revision, orphans, moved, more, next_due, report_gone }
for i = 1, #counters do answer[#answer + 1] = counters[i] or '' end
return answer`,
  },
  bury: {
    sha: 'd219b950f6b83fbda3aebf363b98382d25454680',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
local function is_held(stream, id, consumer)
  local pending = redis.pcall('XPENDING', stream, 'g', id, id, 1, consumer)
  return not pending.err and #pending > 0
end
local function read_entry(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  if #found == 0 then return nil end
  local raw, fields = found[1][2], {}
  for i = 1, #raw, 2 do fields[raw[i]] = raw[i + 1] end
  return fields, raw
end
local function end_entry(stream, progress, id)
  redis.call('XACK', stream, 'g', id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', progress, id)
end
local function leave_rest(stream, level, progress, id, p, stored, rest, bytes, clear_mark)
  local gone = ones(stored) - ones(rest)
  if ones(rest) == 0 then
    end_entry(stream, progress, id)
    change_level(level, -gone, -bytes)
    return
  end
  if clear_mark or (p.mark ~= '' and string.sub(rest, tonumber(p.mark) + 1, tonumber(p.mark) + 1) ~= '1') then p.mark = '' end
  p.mask = rest
  write_progress(progress, id, p)
  change_level(level, -gone, 0)
end
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local entry, raw = read_entry(KEYS[2], id)
if not entry then return 0 end
if ARGV[3] == '' then
  local letter = { 'XADD', KEYS[5], '*', 'r', ARGV[5] }
  for i = 1, math.min(#raw, 512) do letter[#letter + 1] = raw[i] end
  redis.call(unpack(letter))
  end_entry(KEYS[2], KEYS[4], id)
  return 1
end
if not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[3], '1')
local rest = masked(masked(stored, ARGV[4], '1'), moved, '0')
if ones(moved) > 0 then
  redis.call('XADD', KEYS[5], '*', 'r', ARGV[5], 'f', entry.f, 'n', entry.n, 't', moved, 'd', ARGV[6], 'h', ARGV[7])
end
leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, #entry.f, false)
return 1`,
  },
  delay: {
    sha: '5abd905c89d2b871be5bbd9113622f46cacd8093',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function fullness(level, stream, due, count, size)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints')
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  if messages + count <= max_length and bytes + size <= max_bytes then return nil, messages + count, bytes + size, l[5] end
  if (messages > 0 or bytes > 0) and redis.call('XLEN', stream) == 0 and redis.call('EXISTS', due) == 0 then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then return nil, count, size, l[5] end
  end
  local room = math.max(0, max_length - messages)
  if bytes + size > max_bytes and room >= count then room = 0 end
  return { room, messages, bytes, max_length, max_bytes }
end
local function put_aside(due, frames, seq, revision, at, frame)
  local number = string.format('%.0f', redis.call('INCR', seq))
  redis.call('HSET', frames, number, cmsgpack.pack(frame))
  redis.call('ZADD', due, at, number)
  redis.call('INCR', revision)
  return number
end
local before = repeated(KEYS[2], ARGV[2], ARGV[3])
if before then return before end
local full, messages, bytes, hints = fullness(KEYS[4], KEYS[3], KEYS[5], tonumber(ARGV[4]), #ARGV[5])
if full then return full end
local id = 'due-' .. put_aside(KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[6], { ARGV[2], ARGV[5], ARGV[4], '', '', '' })
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id`,
  },
  depth: {
    sha: 'eb486d2e39ccb15652a8efe1ccf2766e7acda39a',
    lua: `#!lua flags=no-writes
local level = redis.call('HMGET', KEYS[1], 'messages', 'bytes')
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
return {
  tonumber(level[1]) or 0, tonumber(level[2]) or 0, redis.call('XLEN', KEYS[2]),
  pending.err and 0 or pending[1], redis.call('XLEN', KEYS[3]),
}`,
  },
  drop: {
    sha: 'f6750a37cb603613a29d0f9e211321ceab61a005',
    lua: `#!lua flags=allow-oom
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
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
local letter, stored = read_letter(KEYS[1], KEYS[2], ARGV[1])
if not letter then return 0 end
local moved = masked(stored, ARGV[2], '1')
if ones(moved) == 0 then return 0 end
keep_letter(KEYS[1], KEYS[2], ARGV[1], masked(stored, moved, '0'))
return 1`,
  },
  due: {
    sha: '676b07c0a650622bbcb7810f2a47ed6b53b9d1a6',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local POSTPONE_MS = 5000
local function move_due(prefix, due, frames, limit)
  local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  if #first == 0 then return 0, 0, '' end
  local now = now_ms(redis.call('TIME'))
  if tonumber(first[2]) > now then return 0, 0, first[2] end
  local numbers = redis.call('ZRANGE', due, '-inf', now, 'BYSCORE', 'LIMIT', 0, limit)
  for _, number in ipairs(numbers) do
    local packed = redis.call('HGET', frames, number)
    local refused = false
    if packed then
      local frame = cmsgpack.unpack(packed)
      local entry = { 'XADD', prefix .. 'mailbox:' .. frame[1], '*', 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then entry[#entry + 1] = name; entry[#entry + 1] = value end
      end
      local added = redis.pcall(unpack(entry))
      refused = type(added) == 'table' and added.err ~= nil
    end
    if refused then
      redis.call('ZADD', due, now + POSTPONE_MS, number)
    else
      redis.call('HDEL', frames, number)
      redis.call('ZREM', due, number)
    end
  end
  first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
  return #numbers, #numbers == limit and 1 or 0, first[2] or ''
end
local moved, more, next_due = move_due(ARGV[1], KEYS[1], KEYS[2], tonumber(ARGV[2]))
return { moved, more, next_due }`,
  },
  join: {
    sha: '067f43f50feac8066e3209b6c4bf37a2a7ff6adb',
    lua: `#!lua flags=allow-oom
local MEMBERS_CHANGED = 1048576
local added = redis.call('HSETNX', KEYS[1], ARGV[1], 1)
local revision = added == 1 and redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED) or redis.call('GET', KEYS[2])
local cursor = ''
if ARGV[2] == '1' then cursor = redis.call('XADD', KEYS[3], '*', 'j', '1') end
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[4]) end
return { tostring(revision), cursor }`,
  },
  layout: {
    sha: 'e55398720e49d066befd732b43993949d96f8b59',
    lua: `#!lua flags=allow-oom
redis.call('HSETNX', KEYS[1], 'lanes', ARGV[1])
redis.call('HSETNX', KEYS[1], 'version', ARGV[2])
return redis.call('HMGET', KEYS[1], 'lanes', 'version')`,
  },
  leave: {
    sha: 'caf6b866ce7e93ed1cbca25c66de38948d4b446a',
    lua: `#!lua flags=allow-oom
local MEMBERS_CHANGED = 1048576
local MOST_POKED = 64
local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
local function remove_member(id, prefix)
  if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
  redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED)
  local served = redis.call('EXISTS', KEYS[6]) == 1
  if served then redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[6]) end
  redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7])
  if served then poke(KEYS[1], prefix) end
  return 1
end
return remove_member(ARGV[1], ARGV[2])`,
  },
  members: {
    sha: '527e7d04216ea2bef704075a07b1778f2d80f08d',
    lua: `#!lua flags=no-writes
local MOST_MEMBERS = 10000
local answer = {}
local ids = redis.call('HKEYS', KEYS[1])
for i = 1, math.min(#ids, MOST_MEMBERS) do
  answer[#answer + 1] = ids[i]
  answer[#answer + 1] = redis.call('GET', ARGV[1] .. 'node:' .. ids[i]) or ''
end
return answer`,
  },
  open: {
    sha: 'e8af438f8851967fb77c42a89b668098c5f76dd6',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local answer = {}
for i = 1, math.floor((#KEYS - 2) / 2) do
  local stream, level = KEYS[1 + 2 * i], KEYS[2 + 2 * i]
  local name, max_length, max_bytes = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local made = redis.pcall('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM')
  if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then
    answer[i] = made.err
  else
    redis.call('HSET', level, 'maxLength', max_length, 'maxBytes', max_bytes)
    redis.call('SADD', KEYS[2], name)
    answer[i] = ''
  end
end
return answer`,
  },
  park: {
    sha: '527f6992d035bbf31d12fdc11f0bc290d7e25da7',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
local function is_held(stream, id, consumer)
  local pending = redis.pcall('XPENDING', stream, 'g', id, id, 1, consumer)
  return not pending.err and #pending > 0
end
local function read_entry(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  if #found == 0 then return nil end
  local raw, fields = found[1][2], {}
  for i = 1, #raw, 2 do fields[raw[i]] = raw[i + 1] end
  return fields, raw
end
local function end_entry(stream, progress, id)
  redis.call('XACK', stream, 'g', id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', progress, id)
end
local function leave_rest(stream, level, progress, id, p, stored, rest, bytes, clear_mark)
  local gone = ones(stored) - ones(rest)
  if ones(rest) == 0 then
    end_entry(stream, progress, id)
    change_level(level, -gone, -bytes)
    return
  end
  if clear_mark or (p.mark ~= '' and string.sub(rest, tonumber(p.mark) + 1, tonumber(p.mark) + 1) ~= '1') then p.mark = '' end
  p.mask = rest
  write_progress(progress, id, p)
  change_level(level, -gone, 0)
end
local MOST_POKED = 64
local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or ARGV[4]
local rest = masked(stored, ARGV[5], '1')
if rest ~= stored or p.mark ~= '' then
  leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, tonumber(ARGV[6]), true)
end
if ones(rest) > 0 then
  redis.call('XCLAIM', KEYS[2], 'g', 'parked', 0, id, 'JUSTID')
  if redis.call('SADD', KEYS[5], ARGV[3]) == 1 then
    redis.call('INCR', KEYS[6])
    poke(KEYS[1], ARGV[7])
  end
end
return 1`,
  },
  progress: {
    sha: '4872980977421f1991c140f2b2823e6be21e6f7e',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
local function is_held(stream, id, consumer)
  local pending = redis.pcall('XPENDING', stream, 'g', id, id, 1, consumer)
  return not pending.err and #pending > 0
end
local function read_entry(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  if #found == 0 then return nil end
  local raw, fields = found[1][2], {}
  for i = 1, #raw, 2 do fields[raw[i]] = raw[i + 1] end
  return fields, raw
end
local function end_entry(stream, progress, id)
  redis.call('XACK', stream, 'g', id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', progress, id)
end
local function leave_rest(stream, level, progress, id, p, stored, rest, bytes, clear_mark)
  local gone = ones(stored) - ones(rest)
  if ones(rest) == 0 then
    end_entry(stream, progress, id)
    change_level(level, -gone, -bytes)
    return
  end
  if clear_mark or (p.mark ~= '' and string.sub(rest, tonumber(p.mark) + 1, tonumber(p.mark) + 1) ~= '1') then p.mark = '' end
  p.mask = rest
  write_progress(progress, id, p)
  change_level(level, -gone, 0)
end
local answer = {}
for at = 2, #ARGV, 5 do
  local id, claimed, left, mark, bytes = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  if is_held(KEYS[2], id, ARGV[1]) then
    local p = read_progress(redis.call('HGET', KEYS[4], id))
    local stored = p.mask ~= '' and p.mask or claimed
    p.mark = mark
    leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, masked(stored, left, '1'), bytes, false)
    answer[#answer + 1] = '1'
  else
    answer[#answer + 1] = '0'
  end
end
return table.concat(answer)`,
  },
  reap: {
    sha: 'd3b99583db67669e0a26bd5fb08d42818ed8ae40',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MEMBERS_CHANGED = 1048576
local MOST_POKED = 64
local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
local function remove_member(id, prefix)
  if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
  redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED)
  local served = redis.call('EXISTS', KEYS[6]) == 1
  if served then redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[6]) end
  redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7])
  if served then poke(KEYS[1], prefix) end
  return 1
end
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return 0 end
return remove_member(ARGV[2], ARGV[4])`,
  },
  replay: {
    sha: 'febbec168afc9eb635414076828c4417f7bab9bb',
    lua: `#!lua
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
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
local letter, stored = read_letter(KEYS[1], KEYS[2], ARGV[1])
if not letter or not letter.f or not letter.n then return 0 end
local moved = masked(stored, ARGV[2], '1')
if ones(moved) == 0 then return 0 end
redis.call('XADD', KEYS[3], '*', 'f', letter.f, 'n', letter.n, 't', moved, 'h', letter.h or '[]')
change_level(KEYS[4], ones(moved), #letter.f)
keep_letter(KEYS[1], KEYS[2], ARGV[1], masked(stored, moved, '0'))
return 1`,
  },
  reply: {
    sha: '848f843ca09ed5c16b17da33da13ffc5550f5f65',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
return redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'f', ARGV[2]) and 1 or 0`,
  },
  retry: {
    sha: '19d9ecf71fcbbc24848be4f4240d66fa4121409c',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
local function is_held(stream, id, consumer)
  local pending = redis.pcall('XPENDING', stream, 'g', id, id, 1, consumer)
  return not pending.err and #pending > 0
end
local function read_entry(stream, id)
  local found = redis.call('XRANGE', stream, id, id)
  if #found == 0 then return nil end
  local raw, fields = found[1][2], {}
  for i = 1, #raw, 2 do fields[raw[i]] = raw[i + 1] end
  return fields, raw
end
local function end_entry(stream, progress, id)
  redis.call('XACK', stream, 'g', id)
  redis.call('XDEL', stream, id)
  redis.call('HDEL', progress, id)
end
local function leave_rest(stream, level, progress, id, p, stored, rest, bytes, clear_mark)
  local gone = ones(stored) - ones(rest)
  if ones(rest) == 0 then
    end_entry(stream, progress, id)
    change_level(level, -gone, -bytes)
    return
  end
  if clear_mark or (p.mark ~= '' and string.sub(rest, tonumber(p.mark) + 1, tonumber(p.mark) + 1) ~= '1') then p.mark = '' end
  p.mask = rest
  write_progress(progress, id, p)
  change_level(level, -gone, 0)
end
local function put_aside(due, frames, seq, revision, at, frame)
  local number = string.format('%.0f', redis.call('INCR', seq))
  redis.call('HSET', frames, number, cmsgpack.pack(frame))
  redis.call('ZADD', due, at, number)
  redis.call('INCR', revision)
  return number
end
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local entry = read_entry(KEYS[2], id)
if not entry or not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[4], '1')
local rest = masked(masked(stored, ARGV[5], '1'), moved, '0')
if ones(moved) > 0 then
  put_aside(KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[6], { ARGV[3], entry.f, entry.n, moved, ARGV[7], ARGV[8] })
  change_level(KEYS[3], ones(moved), #entry.f)
end
leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, #entry.f, false)
return 1`,
  },
  settle: {
    sha: '614986008315769c8b2c33f797b9f08ffb2bd3c6',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
local function read_progress(text)
  local crashes, mask, mark, charges
  if text then crashes, mask, mark, charges = string.match(text, '^(%d+)|([01]*)|(%d*)|([%d:,]*)$') end
  if not crashes then return { crashes = 0, mask = '', mark = '', charges = '' } end
  return { crashes = tonumber(crashes), mask = mask, mark = mark, charges = charges }
end
local function write_progress(key, id, p)
  redis.call('HSET', key, id, p.crashes .. '|' .. p.mask .. '|' .. p.mark .. '|' .. p.charges)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
end
local answer = {}
local at = 2
for box = 0, math.floor((#KEYS - 1) / 3) - 1 do
  local stream, level, progress = KEYS[2 + 3 * box], KEYS[3 + 3 * box], KEYS[4 + 3 * box]
  local ids, weights, sizes = {}, {}, {}
  for i = 1, tonumber(ARGV[at]) do
    ids[i], weights[i], sizes[i] = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    at = at + 3
  end
  at = at + 1
  if redis.call('EXISTS', progress) == 1 then
    for i, record in ipairs(redis.call('HMGET', progress, unpack(ids))) do
      local p = record and read_progress(record)
      if p and p.mask ~= '' then weights[i] = ones(p.mask) end
    end
    redis.call('HDEL', progress, unpack(ids))
  end
  local acked = redis.call('XACK', stream, 'g', unpack(ids))
  local messages, bytes = 0, 0
  if acked == #ids then redis.call('XDEL', stream, unpack(ids)) end
  for i, id in ipairs(ids) do
    if acked == #ids or redis.call('XDEL', stream, id) == 1 then
      messages, bytes = messages + weights[i], bytes + sizes[i]
      answer[#answer + 1] = '1'
    else
      answer[#answer + 1] = '0'
    end
  end
  change_level(level, -messages, -bytes)
end
return table.concat(answer)`,
  },
};
