/** Written by lua/generate.js from lua/*.lua: change those, then run it. */
export interface Script {
  readonly sha: string;
  readonly lua: string;
}

export type ScriptName = 'adopt' | 'alertclaim' | 'alertcommit' | 'alertdue' | 'alertfinish' | 'alertpermit' | 'alertrate' | 'alertslots' | 'announce' | 'append' | 'appendall' | 'beat' | 'breakers' | 'bury' | 'cacheforget' | 'cacheput' | 'cacherelease' | 'cachetake' | 'delay' | 'depth' | 'drop' | 'due' | 'force' | 'join' | 'keyedbury' | 'keyedcommit' | 'keyeddepth' | 'keyeddone' | 'keyedfree' | 'keyedlimits' | 'keyedmove' | 'keyedowners' | 'keyedprogress' | 'keyedread' | 'keyedrelayed' | 'keyedrelease' | 'keyedsplit' | 'keyedtake' | 'layout' | 'leave' | 'members' | 'oncebegin' | 'onceend' | 'oncetold' | 'open' | 'outcome' | 'park' | 'pass' | 'permits' | 'places' | 'probe' | 'progress' | 'publish' | 'ratedraw' | 'reap' | 'record' | 'records' | 'replay' | 'reply' | 'retry' | 'return' | 'serving' | 'settle' | 'stateset' | 'stateuse' | 'topicattach' | 'topicdrop' | 'topicfill' | 'topiclapse' | 'topicpattern' | 'topicquit' | 'topics' | 'topicunpattern' | 'unprobe';

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
  alertclaim: {
    sha: '38fd240c39d2c307183ba3219867a1967b7bb4d7',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local function read_claim(key, group)
  local text = healing('HGET', key, group) or ''
  local done, notice, node = string.match(text, '^(%d+)|(%d+)|(.*)$')
  return tonumber(done) or 0, tonumber(notice) or 0, node or ''
end
local function keep_claim(key, group, done, notice, node, lifetime_ms)
  redis.call('HSET', key, group, string.format('%.0f|%.0f|%s', done, notice, node))
  redis.call('PEXPIRE', key, lifetime_ms)
end
local wanted = tonumber(ARGV[3])
local done, notice, node = read_claim(KEYS[2], ARGV[2])
if wanted <= done then return 'done' end
local mine = node == ARGV[1] and notice == wanted
if not mine and notice >= wanted and redis.call('HEXISTS', KEYS[1], node) == 1 then return 'held' end
keep_claim(KEYS[2], ARGV[2], done, wanted, ARGV[1], ARGV[4])
return 'granted'`,
  },
  alertcommit: {
    sha: 'c60be96ef827640d90e61285f57b7eefde6c67bd',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local LOG_KEPT = 5000
local LARGEST_TOLD = 32768
local MOST_ARCHIVED = 100000
local MOST_TRIMMED = 100
local HIGHEST_REVISION = 9007199254740990
local slot = healing('HGET', KEYS[1], ARGV[1]) or ''
local revision = tonumber(string.match(slot, '^(%d+):')) or 0
if revision > HIGHEST_REVISION then revision = 0 end
if revision ~= tonumber(ARGV[2]) then return revision > 0 and slot or '' end
local number = next_number(KEYS[5])
local changed = revision == 0 and number or string.format('%.0f', revision + 1)
local emptied = ARGV[4] == ''
if emptied then
  redis.call('HDEL', KEYS[1], ARGV[1])
else
  redis.call('HSET', KEYS[1], ARGV[1], changed .. ':[' .. ARGV[3] .. ',' .. ARGV[4] .. ']')
end
if emptied or ARGV[5] == '' then
  healing('ZREM', KEYS[2], ARGV[1])
else
  healing('ZADD', KEYS[2], ARGV[5], ARGV[1])
end
local before = string.match(slot, '^%d+:%["([^"]*)",')
if before and (emptied or '"' .. before .. '"' ~= ARGV[3]) then redis.call('UNLINK', ARGV[10] .. before) end
local function trim(count)
  if count > 0 then redis.call('ZREMRANGEBYRANK', KEYS[3], 0, math.min(count, MOST_TRIMMED) - 1) end
end
if ARGV[7] ~= '' then
  local ended, keep_ms = tonumber(ARGV[9]) or now_ms(redis.call('TIME')), tonumber(ARGV[8])
  healing('ZADD', KEYS[3], string.format('%.0f', ended), string.format('%016.0f:', tonumber(number)) .. ARGV[7])
  trim(redis.call('ZCOUNT', KEYS[3], '-inf', string.format('%.0f', ended - keep_ms)))
  trim(redis.call('ZCARD', KEYS[3]) - MOST_ARCHIVED)
  redis.call('PEXPIRE', KEYS[3], ARGV[8])
end
local told = '{"revision":' .. changed .. '}'
if not emptied then
  told = #ARGV[4] <= LARGEST_TOLD and '{"revision":' .. changed .. ',"body":' .. ARGV[4] .. '}' or 'null'
end
put_item(KEYS[4], LOG_KEPT, number, ARGV[6], ARGV[1], told)
return { changed }`,
  },
  alertdue: {
    sha: 'b9f509dd8906f74df77e42a1e53957768cbdd600',
    lua: `#!lua flags=allow-oom
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local most = tonumber(ARGV[2])
local timers = healing('ZRANGE', KEYS[1], '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, most + 1, 'WITHSCORES')
local answer, strays = { '' }, 0
for i = 1, #timers, 2 do
  if tonumber(timers[i + 1]) > tonumber(ARGV[1]) or #answer > most then
    answer[1] = timers[i + 1]
    break
  end
  if healing('HEXISTS', KEYS[2], timers[i]) == 1 then
    answer[#answer + 1] = timers[i]
  else
    redis.call('ZREM', KEYS[1], timers[i])
    strays = strays + 1
  end
end
if strays > 0 and answer[1] == '' then answer[1] = ARGV[1] end
return answer`,
  },
  alertfinish: {
    sha: 'aca3fa0267256b5b2e05e96b2b3f2d4dfa1e27f9',
    lua: `#!lua flags=allow-oom
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local function read_claim(key, group)
  local text = healing('HGET', key, group) or ''
  local done, notice, node = string.match(text, '^(%d+)|(%d+)|(.*)$')
  return tonumber(done) or 0, tonumber(notice) or 0, node or ''
end
local function keep_claim(key, group, done, notice, node, lifetime_ms)
  redis.call('HSET', key, group, string.format('%.0f|%.0f|%s', done, notice, node))
  redis.call('PEXPIRE', key, lifetime_ms)
end
local done, notice, node = read_claim(KEYS[1], ARGV[2])
if node ~= ARGV[1] or notice ~= tonumber(ARGV[3]) then return 0 end
keep_claim(KEYS[1], ARGV[2], ARGV[4] == '1' and math.max(done, notice) or done, 0, '', ARGV[5])
return 1`,
  },
  alertpermit: {
    sha: 'c9b4445c444254d253594d6d40be5a9c1fd431be',
    lua: `#!lua flags=allow-oom
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local window_ms, now = tonumber(ARGV[2]), tonumber(ARGV[4])
local member = ARGV[5] ~= '' and 'k' .. ARGV[5]
local function passed(key)
  local old = healing('ZCOUNT', key, '-inf', string.format('%.0f', now - window_ms))
  if old > 0 then redis.call('ZREMRANGEBYRANK', key, 0, old - 1) end
  local ahead = redis.call('ZCOUNT', key, string.format('%.0f', now + window_ms), '+inf')
  if ahead > 0 then redis.call('ZREMRANGEBYRANK', key, -ahead, -1) end
  return redis.call('ZCARD', key)
end
local function count(key)
  local like = redis.call('ZCOUNT', key, ARGV[4], ARGV[4])
  redis.call('ZADD', key, ARGV[4], member or ARGV[4] .. ':' .. like)
  redis.call('PEXPIRE', key, ARGV[2])
end
local passes = passed(KEYS[1]) < tonumber(ARGV[1])
if member and redis.call('ZSCORE', KEYS[1], member) then return 1 end
if ARGV[3] ~= '' then passes = passed(KEYS[2]) < tonumber(ARGV[3]) or passes end
if not passes then return 0 end
count(KEYS[1])
if ARGV[3] ~= '' then count(KEYS[2]) end
return 1`,
  },
  alertrate: {
    sha: 'aa81a3ac95fa4acf06517b96b6361d79515750fa',
    lua: `#!lua flags=allow-oom
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local STEPS = 20
local MOST_FORGOTTEN = 1000
local step = math.floor(tonumber(ARGV[3]) * STEPS / tonumber(ARGV[2]))
local sum, current, old = 0, 0, {}
local counts = healing('HGETALL', KEYS[1])
for i = 1, #counts, 2 do
  local at, count = tonumber(counts[i]), tonumber(counts[i + 1])
  if at and count and at > step - STEPS and at <= step then
    sum = sum + count
    if at == step then current = count end
  else
    old[#old + 1] = counts[i]
  end
end
if #old > 0 then redis.call('HDEL', KEYS[1], unpack(old, 1, math.min(#old, MOST_FORGOTTEN))) end
local more = tonumber(ARGV[1])
if more > 0 then
  redis.call('HSET', KEYS[1], string.format('%.0f', step), string.format('%.0f', current + more))
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return sum + more`,
  },
  alertslots: {
    sha: 'e73d97f9ca6a867653de2a30d1b4ca19792e3e6f',
    lua: `#!lua flags=no-writes
local PAGE = 250
local number = redis.pcall('GET', KEYS[2])
local answer = { type(number) == 'string' and number or '0', '0' }
local page = redis.pcall('HSCAN', KEYS[1], ARGV[1], 'COUNT', PAGE)
if page.err then return answer end
answer[2] = page[1]
for i = 1, #page[2] do answer[i + 2] = page[2][i] end
return answer`,
  },
  announce: {
    sha: '41843a61b156792120c69392909131793c72de2f',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local MOST_SERVICES = 10000
local function index_instance(prefix, service, id, entry)
  local key = prefix .. 'instances:' .. service
  local written = redis.pcall('HSET', key, id, entry)
  if type(written) == 'table' and written.err then
    redis.call('UNLINK', key)
    redis.call('HSET', key, id, entry)
  end
end
local function forget_instance(prefix, service, id)
  redis.pcall('HDEL', prefix .. 'instances:' .. service, id)
end
local function forget_instances(prefix, report, id)
  local text = redis.pcall('GET', report)
  if type(text) ~= 'string' then return end
  local read, found = pcall(cjson.decode, text)
  if not read or type(found) ~= 'table' or type(found.serves) ~= 'table' then return end
  local left = MOST_SERVICES
  for mailbox in pairs(found.serves) do
    if left == 0 then return end
    left = left - 1
    if type(mailbox) == 'string' then forget_instance(prefix, string.match(mailbox, '^[^@]*'), id) end
  end
end
for at = 5, math.min(#ARGV - 1, 3 + 4 * MOST_SERVICES), 2 do
  if ARGV[at + 1] == '' then
    forget_instance(ARGV[2], ARGV[at], ARGV[1])
  else
    index_instance(ARGV[2], ARGV[at], ARGV[1], ARGV[at + 1])
  end
end
local before = redis.pcall('GET', KEYS[2])
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
if before == ARGV[3] then return 0 end
tell_report(KEYS[3], KEYS[4], 'changed', ARGV[1], ARGV[3])
return 1`,
  },
  append: {
    sha: '3f7855d9fe23dd2c48a00a4066cd5e12b71a2cf8',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
local function enter(name, frame, count)
  local _, target = addressed(name)
  if target and redis.call('HEXISTS', KEYS[1], target) == 1 then
    return add_targeted({ 'f', frame, 'n', count }, KEYS[7], name, KEYS[6], KEYS[8], KEYS[9])
  end
  return redis.call('XADD', KEYS[3], '*', 'f', frame, 'n', count)
end
local before = repeated(KEYS[2], ARGV[2], ARGV[3])
if before then return before end
local full, messages, bytes, hints =
  fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[6], tonumber(ARGV[4]), #ARGV[5], not KEYS[7], ARGV[1], ARGV[7] == '1')
if full then return full end
local id = enter(ARGV[2], ARGV[5], ARGV[4])
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
if ARGV[6] and ARGV[6] ~= '' then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id`,
  },
  appendall: {
    sha: '3c8353b01c314bf2ea5609cb43db25880d858f2e',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
local function enter(name, frame, count)
  local _, target = addressed(name)
  if target and redis.call('HEXISTS', KEYS[1], target) == 1 then
    return add_targeted({ 'f', frame, 'n', count }, KEYS[7], name, KEYS[6], KEYS[8], KEYS[9])
  end
  return redis.call('XADD', KEYS[3], '*', 'f', frame, 'n', count)
end
local MOST_FRAMES = 16
local taken, hints = 0, ''
for at = 4, math.min(#ARGV - 1, 2 + 2 * MOST_FRAMES), 2 do
  local number = string.format('%.0f', tonumber(ARGV[3]) + taken)
  if not repeated(KEYS[2], ARGV[2], number) then
    local full, messages, bytes, brought =
      fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[6], tonumber(ARGV[at]), #ARGV[at + 1], not KEYS[7], ARGV[1], false)
    if full then break end
    local id = enter(ARGV[2], ARGV[at + 1], ARGV[at])
    redis.call('HSET', KEYS[2], ARGV[2], number .. ' ' .. id)
    redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
    hints = brought or ''
  end
  taken = taken + 1
end
return { taken, hints }`,
  },
  beat: {
    sha: 'bab304796d7a0d36d76b1ba22b63c0bd3dbc6848',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
local POSTPONE_MS = 5000
local function place(prefix, name, fields, number)
  local shared, target = addressed(name)
  if target and redis.call('HEXISTS', prefix .. 'members', target) == 1 then
    local stream, inbox = prefix .. 'mailbox:' .. name, prefix .. 'inbox:' .. target
    return add_targeted(fields, stream, name, prefix .. 'orphans', prefix .. 'revision', inbox)
  end
  if string.sub(shared, 1, 6) == 'topic.' then
    local gone = redis.call('GET', prefix .. 'due:gone:' .. shared)
    if gone and tonumber(number) <= tonumber(gone) then return end
    return redis.call('XADD', prefix .. 'mailbox:' .. shared, 'NOMKSTREAM', '*', unpack(fields))
  end
  return redis.call('XADD', prefix .. 'mailbox:' .. shared, '*', unpack(fields))
end
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
      local fields = { 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
      end
      refused = not pcall(place, prefix, frame[1], fields, number)
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
local time, report_gone, vitals_gone, memory = { '', '' }, '0', '0', ''
if ARGV[3] ~= '' then redis.call('SET', KEYS[4], ARGV[3], 'PX', ARGV[5]) end
if ARGV[4] ~= '0' then
  time = redis.call('TIME')
  redis.call('PEXPIRE', KEYS[5], ARGV[6])
  if redis.call('PEXPIRE', KEYS[9], ARGV[5]) == 0 then report_gone = '1' end
  if ARGV[3] == '' and redis.call('PEXPIRE', KEYS[4], ARGV[5]) == 0 then vitals_gone = '1' end
end
if ARGV[4] == '2' then
  local info = redis.pcall('INFO', 'memory')
  if type(info) == 'string' then
    memory = (info:match('used_memory:(%d+)') or '') .. ' ' .. (info:match('maxmemory:(%d+)') or '')
  end
end
if ARGV[7] ~= '' then audit(KEYS[1], KEYS[3], KEYS[8], ARGV[7]) end
local numbers = redis.call('MGET', KEYS[2], KEYS[10], KEYS[11])
local revision = numbers[1] or '0'
local orphans, moved, more, next_due = 0, 0, 0, ''
if revision ~= ARGV[9] then
  moved, more, next_due = move_due(ARGV[2], KEYS[6], KEYS[7], tonumber(ARGV[8]))
  orphans = redis.call('SCARD', KEYS[3])
end
local answer = {
  time[1], time[2], revision, numbers[2] or '0', numbers[3] or '0', orphans, moved, more, next_due, report_gone, vitals_gone,
  memory,
}
for i = 1, #counters do answer[#answer + 1] = counters[i] or '' end
return answer`,
  },
  breakers: {
    sha: 'f42adfdd05d6cbae45aef58cad8b1bdd2f3e82a8',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local FOREVER = 9007199254740991
local STEPS = 10
local LEAST_FAILING = 16
local MOST_FAILING = 1000
local MOST_BUCKETS = 100
local QUIET_MS = 21600000
local NUMBERS = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes', 'probeSuccesses', 'leaseUntil' }
local TEXTS = { 'phase', 'reason', 'by', 'manual', 'lease' }
local FIELDS = {}
for _, field in ipairs(NUMBERS) do FIELDS[#FIELDS + 1] = field end
for _, field in ipairs(TEXTS) do FIELDS[#FIELDS + 1] = field end
FIELDS[#FIELDS + 1] = 'window'
local function whole(value)
  local number = tonumber(value or '')
  if not number or number ~= number or number < 0 or number > FOREVER then return 0 end
  return math.floor(number)
end
local function empty_window() return { ms = 0, buckets = {}, failing = {} } end
local function read_window(packed)
  local window = empty_window()
  if not packed or packed == '' then return window end
  local read, found = pcall(cmsgpack.unpack, packed)
  if not read or type(found) ~= 'table' or type(found[2]) ~= 'table' or type(found[3]) ~= 'table' then return window end
  window.ms = whole(found[1])
  for i = 1, math.min(#found[2] - 2, 3 * MOST_BUCKETS), 3 do
    window.buckets[#window.buckets + 1] = { whole(found[2][i]), whole(found[2][i + 1]), whole(found[2][i + 2]) }
  end
  for i = 1, math.min(#found[3] - 1, 2 * MOST_FAILING), 2 do
    window.failing[#window.failing + 1] = { tostring(found[3][i]), whole(found[3][i + 1]) }
  end
  return window
end
local function pack_window(window)
  if #window.buckets == 0 and #window.failing == 0 then return '' end
  local buckets, failing = {}, {}
  for _, bucket in ipairs(window.buckets) do
    for part = 1, 3 do buckets[#buckets + 1] = bucket[part] end
  end
  for _, node in ipairs(window.failing) do
    failing[#failing + 1] = node[1]
    failing[#failing + 1] = node[2]
  end
  return cmsgpack.pack({ window.ms, buckets, failing })
end
local function bucket_start(ms, now)
  return now - now % math.max(1, math.floor(ms / STEPS))
end
local function window_at(window, now)
  local last = bucket_start(window.ms, now)
  local kept = { ms = window.ms, buckets = {}, failing = {} }
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] > last - window.ms and bucket[1] <= last then kept.buckets[#kept.buckets + 1] = bucket end
  end
  for _, node in ipairs(window.failing) do
    if node[2] > now - window.ms and node[2] <= now then kept.failing[#kept.failing + 1] = node end
  end
  return kept
end
local function with_outcomes(before, tally, ms, quorum, now, by)
  local window = window_at({ ms = ms, buckets = before.buckets, failing = before.failing }, now)
  local at, current = bucket_start(ms, now), nil
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] == at then current = bucket end
  end
  if not current then
    current = { at, 0, 0 }
    window.buckets[#window.buckets + 1] = current
  end
  current[2], current[3] = current[2] + tally.successes, current[3] + tally.failures
  if tally.failures > 0 then
    local others, failing = {}, {}
    for _, node in ipairs(window.failing) do
      if node[1] ~= by then others[#others + 1] = node end
    end
    local most = math.min(MOST_FAILING, math.max(LEAST_FAILING, quorum))
    for i = math.max(1, #others - most + 2), #others do failing[#failing + 1] = others[i] end
    failing[#failing + 1] = { by, now }
    window.failing = failing
  end
  return window
end
local function sum_of(window)
  local successes, failures = 0, 0
  for _, bucket in ipairs(window.buckets) do
    successes, failures = successes + bucket[2], failures + bucket[3]
  end
  return successes, failures
end
local function new_breaker(name, now)
  local breaker = { name = name, exists = false, stored = {}, phase = 'closed', changedAt = now, reason = 'new', by = '', manual = false, lease = '' }
  for _, field in ipairs(NUMBERS) do breaker[field] = breaker[field] or 0 end
  breaker.window = empty_window()
  return breaker
end
local function read_breaker(key, name, now)
  local stored = redis.pcall('HMGET', key, unpack(FIELDS))
  local breaker = new_breaker(name, now)
  if stored.err then
    redis.call('UNLINK', key)
    return breaker
  end
  local found = {}
  for i, field in ipairs(FIELDS) do found[field] = stored[i] end
  local phase = found.phase
  if phase ~= 'closed' and phase ~= 'open' and phase ~= 'half_open' then return breaker end
  for _, field in ipairs(NUMBERS) do
    found[field] = whole(found[field])
    breaker[field] = found[field]
  end
  breaker.phase, breaker.exists, breaker.stored = phase, true, found
  breaker.reason, breaker.by, breaker.lease = found.reason or '', found.by or '', found.lease or ''
  breaker.manual = found.manual == '1'
  breaker.window = read_window(found.window)
  return breaker
end
local function turn(breaker, phase, now, by, reason)
  breaker.phase, breaker.changedAt, breaker.by, breaker.reason = phase, now, by, reason
  breaker.changes, breaker.manual, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = breaker.changes + 1, false, 0, '', 0
end
local function close(breaker, now, by, reason)
  turn(breaker, 'closed', now, by, reason)
  breaker.openUntil, breaker.openings, breaker.rampUntil, breaker.failuresInRow = 0, 0, 0, 0
  breaker.window = empty_window()
end
local function open(breaker, policy, now, by, reason)
  turn(breaker, 'open', now, by, reason)
  breaker.openings, breaker.rampUntil = breaker.openings + 1, 0
  breaker.openUntil = now + math.min(policy.max_open_ms, policy.open_ms * 2 ^ (breaker.openings - 1))
end
local function catch_up(breaker, now)
  if breaker.manual and breaker.openUntil <= now then
    close(breaker, breaker.openUntil, breaker.by, 'its time is over')
  elseif breaker.phase == 'closed' then
    if breaker.openings > 0 and breaker.rampUntil <= now then breaker.openings, breaker.rampUntil = 0, 0 end
  elseif breaker.lease ~= '' and breaker.leaseUntil <= now then
    breaker.lease, breaker.leaseUntil = '', 0
  end
end
local SHOWN = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes' }
local function state_of(breaker, now)
  catch_up(breaker, now)
  local successes, failures = sum_of(window_at(breaker.window, now))
  local parts = {
    '{"name":' .. cjson.encode(breaker.name),
    '"phase":"' .. breaker.phase .. '"',
    '"reason":' .. cjson.encode(breaker.reason),
    '"by":' .. cjson.encode(breaker.by),
    '"manual":' .. tostring(breaker.manual),
    string.format('"windowFailures":%.0f,"windowSuccesses":%.0f', failures, successes),
  }
  for _, field in ipairs(SHOWN) do parts[#parts + 1] = string.format('"%s":%.0f', field, breaker[field]) end
  return table.concat(parts, ',') .. '}'
end
local function keep_breaker(key, breaker, now)
  local fields, stored = { 'HSET', key, 'window', pack_window(breaker.window) }, breaker.stored
  local function keep(field, text)
    fields[#fields + 1] = field
    fields[#fields + 1] = text
  end
  for _, field in ipairs(NUMBERS) do
    if stored[field] ~= breaker[field] then keep(field, string.format('%.0f', breaker[field])) end
  end
  for _, field in ipairs({ 'phase', 'reason', 'by', 'lease' }) do
    if stored[field] ~= breaker[field] then keep(field, breaker[field]) end
  end
  keep('manual', breaker.manual and '1' or '0')
  redis.call(unpack(fields))
  local until_ms = math.max(now, math.min(breaker.openUntil, FOREVER - QUIET_MS)) + QUIET_MS
  redis.call('PEXPIRE', key, string.format('%.0f', until_ms - now))
  return state_of(breaker, now)
end
local function publish(index, news, seq, breaker, changes, state)
  if breaker.changes == changes then return end
  redis.call('ZADD', index, 0, breaker.name)
  tell(news, seq, 'breaker', breaker.name, state)
end
local PAGE = 256
local now = now_ms(redis.call('TIME'))
local names = redis.call('ZRANGE', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', 0, PAGE)
local answer = { #names == PAGE and names[PAGE] or '' }
for _, name in ipairs(names) do
  local breaker = read_breaker(ARGV[1] .. name, name, now)
  if breaker.exists then
    answer[#answer + 1] = state_of(breaker, now)
  else
    redis.call('ZREM', KEYS[1], name)
  end
end
return answer`,
  },
  bury: {
    sha: '646a383e9b0a3aeb67a5a59d83c33d045625009c',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
  cacheforget: {
    sha: 'ceb96bcd5c3397e58a72d55b185baed6646ca4bd',
    lua: `#!lua flags=allow-oom
local function forget(prefix, names, ends, listed)
  if #listed == 0 then return 0 end
  local keys = {}
  for i, name in ipairs(listed) do keys[i] = prefix .. name end
  local count = redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', names, unpack(listed))
  redis.call('ZREM', ends, unpack(listed))
  return count
end
local STEP = 256
if ARGV[2] == 'one' then
  redis.call('SET', KEYS[4], '!', 'XX', 'KEEPTTL')
  return { forget(ARGV[1], KEYS[1], KEYS[2], { ARGV[3] }), '0' }
end
if ARGV[2] == 'many' then
  redis.call('INCR', KEYS[3])
  redis.call('PEXPIRE', KEYS[3], ARGV[4])
end
local names = redis.call('ZRANGE', KEYS[1], '[' .. ARGV[3], '(' .. ARGV[3] .. '\\255', 'BYLEX', 'LIMIT', 0, STEP)
return { forget(ARGV[1], KEYS[1], KEYS[2], names), #names == STEP and '1' or '0' }`,
  },
  cacheput: {
    sha: '7a98889c11c6282ec0474b462cda1d49f9d5c989',
    lua: `#!lua
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function forget(prefix, names, ends, listed)
  if #listed == 0 then return 0 end
  local keys = {}
  for i, name in ipairs(listed) do keys[i] = prefix .. name end
  local count = redis.call('UNLINK', unpack(keys))
  redis.call('ZREM', names, unpack(listed))
  redis.call('ZREM', ends, unpack(listed))
  return count
end
local MOST_STEPS = 32
local token = ARGV[5]
if token ~= '' then
  local lease = redis.call('GET', KEYS[2])
  local overtaken = string.match(token, '^%d+') ~= (redis.call('GET', KEYS[3]) or '0')
  if lease == token then
    redis.call('UNLINK', KEYS[2])
  elseif lease and string.sub(lease, -1) == '!' then
    overtaken = true
  end
  if overtaken then return 0 end
end
local now = now_ms(redis.call('TIME'))
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[4], 0, ARGV[2])
redis.call('ZADD', KEYS[5], now + tonumber(ARGV[4]), ARGV[2])
forget(ARGV[1], KEYS[4], KEYS[5], redis.call('ZRANGE', KEYS[5], '-inf', now, 'BYSCORE', 'LIMIT', 0, MOST_STEPS))
local excess = math.min(redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[6]), MOST_STEPS)
if excess > 0 then forget(ARGV[1], KEYS[4], KEYS[5], redis.call('ZRANGE', KEYS[5], 0, excess - 1)) end
for _, index in ipairs({ KEYS[4], KEYS[5] }) do
  if redis.call('PEXPIRE', index, ARGV[4], 'NX') == 0 then redis.call('PEXPIRE', index, ARGV[4], 'GT') end
end
return 1`,
  },
  cacherelease: {
    sha: '67c2cdc611f9a2511fc30c56eab5e693496c7471',
    lua: `#!lua flags=allow-oom
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])`,
  },
  cachetake: {
    sha: '25e74c27c3fe73221425b335ab6c6d58092ee434',
    lua: `#!lua flags=allow-oom
local body = redis.call('GET', KEYS[1])
if body then return body end
local round = redis.call('GET', KEYS[3]) or '0'
local token = round .. ':' .. ARGV[1]
if redis.call('SET', KEYS[2], token, 'NX', 'PX', ARGV[2]) then return { token } end
if redis.call('GET', KEYS[2]) ~= '!' then return 0 end
token = token .. '!'
redis.call('SET', KEYS[2], token, 'PX', ARGV[2])
return { token }`,
  },
  delay: {
    sha: '773efcdd85bf79320da9336729a857739de00b9e',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
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
local full, messages, bytes, hints =
  fullness(KEYS[1], KEYS[4], KEYS[3], KEYS[5], KEYS[9], tonumber(ARGV[4]), #ARGV[5], true, ARGV[1], ARGV[7] == '1')
if full then return full end
local id = 'due-' .. put_aside(KEYS[5], KEYS[6], KEYS[7], KEYS[8], ARGV[6], { ARGV[2], ARGV[5], ARGV[4], '', '', '' })
redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. ' ' .. id)
redis.call('HSET', KEYS[4], 'messages', messages, 'bytes', bytes)
return hints and { id, hints } or id`,
  },
  depth: {
    sha: '1a8d998322f71b9195cc7f7c931245d5e46e495c',
    lua: `#!lua flags=no-writes
local level = redis.call('HMGET', KEYS[1], 'messages', 'bytes', 'partitions')
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
local readable = redis.acl_check_cmd('XRANGE', KEYS[2], '-', '+')
local oldest = readable and redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', 1) or {}
return {
  tonumber(level[1]) or 0, tonumber(level[2]) or 0, redis.call('XLEN', KEYS[2]),
  pending.err and 0 or pending[1], redis.call('XLEN', KEYS[3]),
  oldest[1] and oldest[1][1] or '', tonumber(level[3]) or 0,
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
    sha: 'b685ff120be9018a35a34fd2ca804f143e2e17c8',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
local POSTPONE_MS = 5000
local function place(prefix, name, fields, number)
  local shared, target = addressed(name)
  if target and redis.call('HEXISTS', prefix .. 'members', target) == 1 then
    local stream, inbox = prefix .. 'mailbox:' .. name, prefix .. 'inbox:' .. target
    return add_targeted(fields, stream, name, prefix .. 'orphans', prefix .. 'revision', inbox)
  end
  if string.sub(shared, 1, 6) == 'topic.' then
    local gone = redis.call('GET', prefix .. 'due:gone:' .. shared)
    if gone and tonumber(number) <= tonumber(gone) then return end
    return redis.call('XADD', prefix .. 'mailbox:' .. shared, 'NOMKSTREAM', '*', unpack(fields))
  end
  return redis.call('XADD', prefix .. 'mailbox:' .. shared, '*', unpack(fields))
end
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
      local fields = { 'f', frame[2], 'n', frame[3] }
      for i, name in ipairs({ 't', 'd', 'h' }) do
        local value = frame[3 + i]
        if value ~= '' then fields[#fields + 1] = name; fields[#fields + 1] = value end
      end
      refused = not pcall(place, prefix, frame[1], fields, number)
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
  force: {
    sha: '5ce8db419752bb7c65a1105ad53846ce74e17c26',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local FOREVER = 9007199254740991
local STEPS = 10
local LEAST_FAILING = 16
local MOST_FAILING = 1000
local MOST_BUCKETS = 100
local QUIET_MS = 21600000
local NUMBERS = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes', 'probeSuccesses', 'leaseUntil' }
local TEXTS = { 'phase', 'reason', 'by', 'manual', 'lease' }
local FIELDS = {}
for _, field in ipairs(NUMBERS) do FIELDS[#FIELDS + 1] = field end
for _, field in ipairs(TEXTS) do FIELDS[#FIELDS + 1] = field end
FIELDS[#FIELDS + 1] = 'window'
local function whole(value)
  local number = tonumber(value or '')
  if not number or number ~= number or number < 0 or number > FOREVER then return 0 end
  return math.floor(number)
end
local function empty_window() return { ms = 0, buckets = {}, failing = {} } end
local function read_window(packed)
  local window = empty_window()
  if not packed or packed == '' then return window end
  local read, found = pcall(cmsgpack.unpack, packed)
  if not read or type(found) ~= 'table' or type(found[2]) ~= 'table' or type(found[3]) ~= 'table' then return window end
  window.ms = whole(found[1])
  for i = 1, math.min(#found[2] - 2, 3 * MOST_BUCKETS), 3 do
    window.buckets[#window.buckets + 1] = { whole(found[2][i]), whole(found[2][i + 1]), whole(found[2][i + 2]) }
  end
  for i = 1, math.min(#found[3] - 1, 2 * MOST_FAILING), 2 do
    window.failing[#window.failing + 1] = { tostring(found[3][i]), whole(found[3][i + 1]) }
  end
  return window
end
local function pack_window(window)
  if #window.buckets == 0 and #window.failing == 0 then return '' end
  local buckets, failing = {}, {}
  for _, bucket in ipairs(window.buckets) do
    for part = 1, 3 do buckets[#buckets + 1] = bucket[part] end
  end
  for _, node in ipairs(window.failing) do
    failing[#failing + 1] = node[1]
    failing[#failing + 1] = node[2]
  end
  return cmsgpack.pack({ window.ms, buckets, failing })
end
local function bucket_start(ms, now)
  return now - now % math.max(1, math.floor(ms / STEPS))
end
local function window_at(window, now)
  local last = bucket_start(window.ms, now)
  local kept = { ms = window.ms, buckets = {}, failing = {} }
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] > last - window.ms and bucket[1] <= last then kept.buckets[#kept.buckets + 1] = bucket end
  end
  for _, node in ipairs(window.failing) do
    if node[2] > now - window.ms and node[2] <= now then kept.failing[#kept.failing + 1] = node end
  end
  return kept
end
local function with_outcomes(before, tally, ms, quorum, now, by)
  local window = window_at({ ms = ms, buckets = before.buckets, failing = before.failing }, now)
  local at, current = bucket_start(ms, now), nil
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] == at then current = bucket end
  end
  if not current then
    current = { at, 0, 0 }
    window.buckets[#window.buckets + 1] = current
  end
  current[2], current[3] = current[2] + tally.successes, current[3] + tally.failures
  if tally.failures > 0 then
    local others, failing = {}, {}
    for _, node in ipairs(window.failing) do
      if node[1] ~= by then others[#others + 1] = node end
    end
    local most = math.min(MOST_FAILING, math.max(LEAST_FAILING, quorum))
    for i = math.max(1, #others - most + 2), #others do failing[#failing + 1] = others[i] end
    failing[#failing + 1] = { by, now }
    window.failing = failing
  end
  return window
end
local function sum_of(window)
  local successes, failures = 0, 0
  for _, bucket in ipairs(window.buckets) do
    successes, failures = successes + bucket[2], failures + bucket[3]
  end
  return successes, failures
end
local function new_breaker(name, now)
  local breaker = { name = name, exists = false, stored = {}, phase = 'closed', changedAt = now, reason = 'new', by = '', manual = false, lease = '' }
  for _, field in ipairs(NUMBERS) do breaker[field] = breaker[field] or 0 end
  breaker.window = empty_window()
  return breaker
end
local function read_breaker(key, name, now)
  local stored = redis.pcall('HMGET', key, unpack(FIELDS))
  local breaker = new_breaker(name, now)
  if stored.err then
    redis.call('UNLINK', key)
    return breaker
  end
  local found = {}
  for i, field in ipairs(FIELDS) do found[field] = stored[i] end
  local phase = found.phase
  if phase ~= 'closed' and phase ~= 'open' and phase ~= 'half_open' then return breaker end
  for _, field in ipairs(NUMBERS) do
    found[field] = whole(found[field])
    breaker[field] = found[field]
  end
  breaker.phase, breaker.exists, breaker.stored = phase, true, found
  breaker.reason, breaker.by, breaker.lease = found.reason or '', found.by or '', found.lease or ''
  breaker.manual = found.manual == '1'
  breaker.window = read_window(found.window)
  return breaker
end
local function turn(breaker, phase, now, by, reason)
  breaker.phase, breaker.changedAt, breaker.by, breaker.reason = phase, now, by, reason
  breaker.changes, breaker.manual, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = breaker.changes + 1, false, 0, '', 0
end
local function close(breaker, now, by, reason)
  turn(breaker, 'closed', now, by, reason)
  breaker.openUntil, breaker.openings, breaker.rampUntil, breaker.failuresInRow = 0, 0, 0, 0
  breaker.window = empty_window()
end
local function open(breaker, policy, now, by, reason)
  turn(breaker, 'open', now, by, reason)
  breaker.openings, breaker.rampUntil = breaker.openings + 1, 0
  breaker.openUntil = now + math.min(policy.max_open_ms, policy.open_ms * 2 ^ (breaker.openings - 1))
end
local function catch_up(breaker, now)
  if breaker.manual and breaker.openUntil <= now then
    close(breaker, breaker.openUntil, breaker.by, 'its time is over')
  elseif breaker.phase == 'closed' then
    if breaker.openings > 0 and breaker.rampUntil <= now then breaker.openings, breaker.rampUntil = 0, 0 end
  elseif breaker.lease ~= '' and breaker.leaseUntil <= now then
    breaker.lease, breaker.leaseUntil = '', 0
  end
end
local SHOWN = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes' }
local function state_of(breaker, now)
  catch_up(breaker, now)
  local successes, failures = sum_of(window_at(breaker.window, now))
  local parts = {
    '{"name":' .. cjson.encode(breaker.name),
    '"phase":"' .. breaker.phase .. '"',
    '"reason":' .. cjson.encode(breaker.reason),
    '"by":' .. cjson.encode(breaker.by),
    '"manual":' .. tostring(breaker.manual),
    string.format('"windowFailures":%.0f,"windowSuccesses":%.0f', failures, successes),
  }
  for _, field in ipairs(SHOWN) do parts[#parts + 1] = string.format('"%s":%.0f', field, breaker[field]) end
  return table.concat(parts, ',') .. '}'
end
local function keep_breaker(key, breaker, now)
  local fields, stored = { 'HSET', key, 'window', pack_window(breaker.window) }, breaker.stored
  local function keep(field, text)
    fields[#fields + 1] = field
    fields[#fields + 1] = text
  end
  for _, field in ipairs(NUMBERS) do
    if stored[field] ~= breaker[field] then keep(field, string.format('%.0f', breaker[field])) end
  end
  for _, field in ipairs({ 'phase', 'reason', 'by', 'lease' }) do
    if stored[field] ~= breaker[field] then keep(field, breaker[field]) end
  end
  keep('manual', breaker.manual and '1' or '0')
  redis.call(unpack(fields))
  local until_ms = math.max(now, math.min(breaker.openUntil, FOREVER - QUIET_MS)) + QUIET_MS
  redis.call('PEXPIRE', key, string.format('%.0f', until_ms - now))
  return state_of(breaker, now)
end
local function publish(index, news, seq, breaker, changes, state)
  if breaker.changes == changes then return end
  redis.call('ZADD', index, 0, breaker.name)
  tell(news, seq, 'breaker', breaker.name, state)
end
local now = now_ms(redis.call('TIME'))
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes = breaker.changes
catch_up(breaker, now)
if ARGV[2] == 'open' then
  turn(breaker, 'open', now, ARGV[4], ARGV[3])
  breaker.openUntil, breaker.rampUntil, breaker.manual = ARGV[5] == '' and FOREVER or now + tonumber(ARGV[5]), 0, true
else
  close(breaker, now, ARGV[4], ARGV[3])
  if ARGV[2] == 'reset' then breaker.failures, breaker.successes = 0, 0 end
end
local state = keep_breaker(KEYS[1], breaker, now)
publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
return state`,
  },
  join: {
    sha: '107ba69dd33fa90c7b4f0a2d90f59c7cbf88e9ab',
    lua: `#!lua flags=allow-oom
local MEMBERS_CHANGED = 1048576
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local MOST_SERVICES = 10000
local function index_instance(prefix, service, id, entry)
  local key = prefix .. 'instances:' .. service
  local written = redis.pcall('HSET', key, id, entry)
  if type(written) == 'table' and written.err then
    redis.call('UNLINK', key)
    redis.call('HSET', key, id, entry)
  end
end
local function forget_instance(prefix, service, id)
  redis.pcall('HDEL', prefix .. 'instances:' .. service, id)
end
local function forget_instances(prefix, report, id)
  local text = redis.pcall('GET', report)
  if type(text) ~= 'string' then return end
  local read, found = pcall(cjson.decode, text)
  if not read or type(found) ~= 'table' or type(found.serves) ~= 'table' then return end
  local left = MOST_SERVICES
  for mailbox in pairs(found.serves) do
    if left == 0 then return end
    left = left - 1
    if type(mailbox) == 'string' then forget_instance(prefix, string.match(mailbox, '^[^@]*'), id) end
  end
end
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local added = redis.call('HSETNX', KEYS[1], ARGV[1], 1)
local revision = added == 1 and redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED) or redis.call('GET', KEYS[2])
local cursor, told, logged = '', '', nil
if ARGV[3] == '1' then cursor = redis.call('XADD', KEYS[3], '*', 'j', '1') end
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[4], ARGV[4], 'PX', ARGV[5])
  for at = 6, math.min(#ARGV - 1, 4 + 2 * MOST_SERVICES), 2 do index_instance(ARGV[2], ARGV[at], ARGV[1], ARGV[at + 1]) end
  told = tell_report(KEYS[5], KEYS[6], 'joined', ARGV[1], ARGV[4])
  logged = healing('XREVRANGE', KEYS[7], '+', '-', 'COUNT', 1)[1]
end
return { tostring(revision), cursor, told, logged and logged[1] or '' }`,
  },
  keyedbury: {
    sha: 'ff5d26ec8ea0d22a6575e9d39f7c95975efc47d0',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
local id = ARGV[3]
local entry, raw = read_entry(KEYS[3], id)
if not entry then return 0 end
if ARGV[4] == '' then
  local letter = { 'XADD', KEYS[7], '*', 'r', ARGV[6] }
  for i = 1, math.min(#raw, 512) do letter[#letter + 1] = raw[i] end
  redis.call(unpack(letter))
  end_entry(KEYS[3], KEYS[5], id)
  return 1
end
if not entry.f or not entry.n then return 0 end
local p = read_progress(redis.call('HGET', KEYS[5], id))
local stored = p.mask ~= '' and p.mask or entry.t or string.rep('1', tonumber(entry.n))
local moved = masked(stored, ARGV[4], '1')
if ones(moved) == 0 then return 0 end
local rest = masked(masked(stored, ARGV[5], '1'), moved, '0')
redis.call('XADD', KEYS[7], '*', 'r', ARGV[6], 'f', entry.f, 'n', entry.n, 't', moved, 'd', ARGV[7], 'h', ARGV[8])
leave_rest(KEYS[3], KEYS[4], KEYS[5], id, p, stored, rest, #entry.f, false)
if ones(rest) == 0 then forget_kept(KEYS[6], id) end
return 1`,
  },
  keyedcommit: {
    sha: '9f61a53e97a3b8e8fe92d0f0ae592a44dcadcfd2',
    lua: `#!lua
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
local function is_in_log(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end
local function add_cast(mailbox, count, frame)
  local time = redis.call('TIME')
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
return commit()`,
  },
  keyeddepth: {
    sha: 'd8535aea3b7572d847450ad49fffd69e13a75fbd',
    lua: `#!lua flags=no-writes
local messages, bytes, entries, dead, oldest, oldest_ms = 0, 0, 0, 0, '', math.huge
for i = 1, #KEYS - 2, 3 do
  local level = redis.call('HMGET', KEYS[i], 'messages', 'bytes')
  messages = messages + (tonumber(level[1]) or 0)
  bytes = bytes + (tonumber(level[2]) or 0)
  entries = entries + redis.call('XLEN', KEYS[i + 1])
  dead = dead + redis.call('XLEN', KEYS[i + 2])
  local readable = redis.acl_check_cmd('XRANGE', KEYS[i + 1], '-', '+')
  local first = readable and redis.call('XRANGE', KEYS[i + 1], '-', '+', 'COUNT', 1)[1]
  local ms = first and tonumber(string.match(first[1], '^%d+'))
  if ms and ms < oldest_ms then oldest, oldest_ms = first[1], ms end
end
return { messages, bytes, entries, dead, oldest }`,
  },
  keyeddone: {
    sha: '534ffe2fb32d2810684bec67db574bddeb9a9ddd',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
end
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
local answer = {}
local at = 2
for box = 0, math.floor((#KEYS - 1) / 5) - 1 do
  local owners, log, level, progress, kept =
    KEYS[2 + 5 * box], KEYS[3 + 5 * box], KEYS[4 + 5 * box], KEYS[5 + 5 * box], KEYS[6 + 5 * box]
  local owned = owner_of(owners, ARGV[at]) == ARGV[1]
  local ids, weights, sizes = {}, {}, {}
  for i = 1, tonumber(ARGV[at + 1]) do
    ids[i], weights[i], sizes[i] = ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    at = at + 3
  end
  at = at + 2
  if not owned then
    answer[#answer + 1] = string.rep('0', #ids)
  else
    if redis.call('EXISTS', progress) == 1 then
      for i, record in ipairs(redis.call('HMGET', progress, unpack(ids))) do
        local p = record and read_progress(record)
        if p and p.mask ~= '' then weights[i] = ones(p.mask) end
      end
      redis.call('HDEL', progress, unpack(ids))
    end
    if redis.call('EXISTS', kept) == 1 then
      for _, id in ipairs(ids) do forget_kept(kept, id) end
    end
    local messages, bytes = 0, 0
    for i, id in ipairs(ids) do
      if redis.call('XDEL', log, id) == 1 then
        messages, bytes = messages + weights[i], bytes + sizes[i]
        answer[#answer + 1] = '1'
      else
        answer[#answer + 1] = '0'
      end
    end
    change_level(level, -messages, -bytes)
  end
end
return table.concat(answer)`,
  },
  keyedfree: {
    sha: 'd2368e007725ffed08cd47623ef12d064055a1f2',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
local function is_in_log(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end
local function add_cast(mailbox, count, frame)
  local time = redis.call('TIME')
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
return commit()`,
  },
  keyedlimits: {
    sha: '17e7ad72bb12b2e2fa85d1617550ae08524be2b9',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
for i = 2, #KEYS do redis.call('HSET', KEYS[i], 'maxLength', ARGV[2], 'maxBytes', ARGV[3]) end
return 1`,
  },
  keyedmove: {
    sha: '07c601d6d260c483cf090b74ce0988cb493d8cfb',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
end
local moved = 0
for copy = 0, math.floor((#KEYS - 2) / 3) - 1 do
  local log, level, progress = KEYS[3 + 3 * copy], KEYS[4 + 3 * copy], KEYS[5 + 3 * copy]
  local at = 3 + 7 * copy
  local name, frame, todo, record = ARGV[at], ARGV[at + 1], ARGV[at + 3], ARGV[at + 6]
  if redis.call('HEXISTS', KEYS[2], name) == 0 then
    local fields = { 'f', frame, 'n', ARGV[at + 2], 't', todo }
    for i, field in ipairs({ 'd', 'h', 'p' }) do
      local value = ARGV[at + 3 + i]
      if value ~= '' then fields[#fields + 1] = field; fields[#fields + 1] = value end
    end
    local id = redis.call('XADD', log, '*', unpack(fields))
    if record ~= '' then redis.call('HSET', progress, id, record) end
    change_level(level, ones(todo), #frame)
    redis.call('HSET', KEYS[2], name, '1')
    moved = moved + 1
  end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return moved`,
  },
  keyedowners: {
    sha: '69ce77a16eaee3631e209bdc0e8e7cfb4f5b0a68',
    lua: `#!lua flags=no-writes
local MOST_PARTITIONS = 1024
local answer = {}
local found = redis.call('HGETALL', KEYS[2])
for at = 1, math.min(#found, 2 * MOST_PARTITIONS), 2 do
  local id = string.match(found[at + 1], '^%S+')
  if id and redis.call('HEXISTS', KEYS[1], id) == 1 then
    answer[#answer + 1] = found[at]
    answer[#answer + 1] = id
  end
end
return answer`,
  },
  keyedprogress: {
    sha: '55980d0e853722870bc887ac80fccc8723dff094',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
local function is_in_log(stream, id)
  return #redis.call('XRANGE', stream, id, id) > 0
end
local function spend(charges, spent)
  local counts, order = {}, {}
  for index, count in string.gmatch(charges .. ',' .. spent, '(%d+):(%d+)') do
    if not counts[index] then order[#order + 1] = index end
    counts[index] = math.max(counts[index] or 0, tonumber(count))
  end
  for i, index in ipairs(order) do order[i] = index .. ':' .. counts[index] end
  return table.concat(order, ',')
end
local owned = owner_of(KEYS[2], ARGV[2]) == ARGV[1]
local answer = {}
for at = 3, #ARGV - 6, 7 do
  local id, claimed, left, mark = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local bytes, spent, history = tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6]
  local record = owned and redis.call('HGET', KEYS[5], id)
  if record or (owned and is_in_log(KEYS[3], id)) then
    local p = read_progress(record)
    local stored = p.mask ~= '' and p.mask or claimed
    p.mark = mark
    if spent ~= '' then p.charges = spend(p.charges, spent) end
    if history ~= '' then redis.call('HSET', KEYS[6], id .. ':h', history) end
    local rest = masked(stored, left, '1')
    leave_rest(KEYS[3], KEYS[4], KEYS[5], id, p, stored, rest, bytes, false)
    if ones(rest) == 0 then forget_kept(KEYS[6], id) end
    answer[#answer + 1] = '1'
  else
    answer[#answer + 1] = '0'
  end
end
return table.concat(answer)`,
  },
  keyedread: {
    sha: 'be83d6d75405df6253e61527d2d51addf0aeaa09',
    lua: `#!lua flags=no-writes
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
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
local MOST_ENTRIES = 64
local function is_before(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  if not a_ms or not b_ms then return false end
  if a_ms ~= b_ms then return tonumber(a_ms) < tonumber(b_ms) end
  return tonumber(a_seq) < tonumber(b_seq)
end
local function last_given_out()
  local info = redis.pcall('XINFO', 'STREAM', KEYS[3])
  for at = 1, info.err and 0 or #info, 2 do
    if info[at] == 'last-generated-id' then return info[at + 1] end
  end
  return '0-0'
end
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 'not-owner' end
local after, anew = ARGV[3], '0'
if after ~= '' and ARGV[5] == '1' and is_before(last_given_out(), after) then after, anew = '', '1' end
local from = after == '' and '-' or '(' .. after
local found = redis.call('XRANGE', KEYS[3], from, '+', 'COUNT', math.min(tonumber(ARGV[4]), MOST_ENTRIES))
local has_records = redis.call('EXISTS', KEYS[4]) == 1
local has_kept = redis.call('EXISTS', KEYS[5]) == 1
for _, entry in ipairs(found) do
  local id = entry[1]
  entry[3] = has_records and redis.call('HGET', KEYS[4], id) or ''
  if has_kept then
    local names = applied_in(KEYS[5], id)
    names[#names + 1] = 'h'
    for _, name in ipairs(names) do
      local value = redis.call('HGET', KEYS[5], id .. ':' .. name)
      if value then
        entry[#entry + 1] = name
        entry[#entry + 1] = value
      end
    end
  end
end
return { anew, found }`,
  },
  keyedrelayed: {
    sha: 'e0263b567f092014381749434e996d5b0a3d184b',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
if owner_of(KEYS[2], ARGV[2]) ~= ARGV[1] then return 0 end
return redis.call('XTRIM', KEYS[3], 'MINID', ARGV[3])`,
  },
  keyedrelease: {
    sha: '8a6a5abd1748e7aa5ebb4fe076a57b3bd6f7d863',
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
local MOST_RECORDS = 20000
local function take_marks_off(progress, died)
  local records = redis.call('HGETALL', progress)
  for at = 1, math.min(#records, 2 * MOST_RECORDS), 2 do
    local p = read_progress(records[at + 1])
    if p.mark ~= '' then
      if died then p.charges = charge(p.charges, p.mark) end
      p.mark = ''
      write_progress(progress, records[at], p)
    end
  end
end
local holder, last = owner_of(KEYS[2], ARGV[2])
if holder ~= ARGV[1] then return 0 end
take_marks_off(KEYS[3], false)
local left = last and last ~= '' and redis.pcall('XRANGE', KEYS[4], '-', last, 'COUNT', 1) or {}
if left[1] then
  redis.call('HSET', KEYS[2], ARGV[2], ' ' .. last)
else
  redis.call('HDEL', KEYS[2], ARGV[2])
end
return 1`,
  },
  keyedsplit: {
    sha: '7a9a98f25ea519e8c33e75d0f5a4330bf0876603',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local known = tonumber(redis.call('HGET', KEYS[3], 'partitions') or '')
if known then return { known } end
local by = redis.call('HGET', KEYS[3], 'splitter')
if by and by ~= ARGV[1] and redis.call('HEXISTS', KEYS[1], by) == 1 then return { 0, by } end
redis.call('HSET', KEYS[3], 'splitter', ARGV[1])
if ARGV[3] ~= '1' then return {} end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[2])
local read = '-'
for i = 1, groups.err and 0 or #groups do
  local facts = {}
  for at = 1, #groups[i], 2 do facts[groups[i][at]] = groups[i][at + 1] end
  if facts.name == 'g' then read = '(' .. facts['last-delivered-id'] end
end
if #redis.call('XRANGE', KEYS[2], read, '+', 'COUNT', 1) > 0 then
  if ARGV[4] ~= '' then
    local until_ms = now_ms(redis.call('TIME')) + tonumber(ARGV[4])
    redis.call('HSET', KEYS[3], 'sealed', string.format('%.0f', until_ms))
  end
  return {}
end
redis.call('HSET', KEYS[3], 'partitions', ARGV[2])
redis.call('HDEL', KEYS[3], 'splitter', 'sealed')
return { tonumber(ARGV[2]) }`,
  },
  keyedtake: {
    sha: 'e7aebc05d8ee6a23b9a27f28cb279d41ef448fd9',
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
local function owner_of(owners, partition)
  local text = redis.call('HGET', owners, partition)
  if not text then return nil, nil end
  local at = string.find(text, ' ', 1, true)
  if not at then return text, nil end
  return string.sub(text, 1, at - 1), string.sub(text, at + 1)
end
local MOST_RECORDS = 20000
local function take_marks_off(progress, died)
  local records = redis.call('HGETALL', progress)
  for at = 1, math.min(#records, 2 * MOST_RECORDS), 2 do
    local p = read_progress(records[at + 1])
    if p.mark ~= '' then
      if died then p.charges = charge(p.charges, p.mark) end
      p.mark = ''
      write_progress(progress, records[at], p)
    end
  end
end
local holder, last = owner_of(KEYS[2], ARGV[2])
if holder ~= ARGV[1] then
  if holder and redis.call('HEXISTS', KEYS[1], holder) == 1 then return { 'held', holder } end
  if holder and holder ~= '' then
    take_marks_off(KEYS[4], true)
    local newest = redis.pcall('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
    last = newest[1] and newest[1][1] or ''
  end
  redis.call('HSET', KEYS[2], ARGV[2], last and (ARGV[1] .. ' ' .. last) or ARGV[1])
end
if last then return { 'owned', last } end
return { 'owned' }`,
  },
  layout: {
    sha: 'e55398720e49d066befd732b43993949d96f8b59',
    lua: `#!lua flags=allow-oom
redis.call('HSETNX', KEYS[1], 'lanes', ARGV[1])
redis.call('HSETNX', KEYS[1], 'version', ARGV[2])
return redis.call('HMGET', KEYS[1], 'lanes', 'version')`,
  },
  leave: {
    sha: '400e5ed1d30b658f732afc79c22184bd7b512b26',
    lua: `#!lua flags=allow-oom
local MEMBERS_CHANGED = 1048576
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local MOST_SERVICES = 10000
local function index_instance(prefix, service, id, entry)
  local key = prefix .. 'instances:' .. service
  local written = redis.pcall('HSET', key, id, entry)
  if type(written) == 'table' and written.err then
    redis.call('UNLINK', key)
    redis.call('HSET', key, id, entry)
  end
end
local function forget_instance(prefix, service, id)
  redis.pcall('HDEL', prefix .. 'instances:' .. service, id)
end
local function forget_instances(prefix, report, id)
  local text = redis.pcall('GET', report)
  if type(text) ~= 'string' then return end
  local read, found = pcall(cjson.decode, text)
  if not read or type(found) ~= 'table' or type(found.serves) ~= 'table' then return end
  local left = MOST_SERVICES
  for mailbox in pairs(found.serves) do
    if left == 0 then return end
    left = left - 1
    if type(mailbox) == 'string' then forget_instance(prefix, string.match(mailbox, '^[^@]*'), id) end
  end
end
local MOST_POKED = 64
local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
local function remove_member(id, prefix, kind)
  if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
  redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED)
  local served = redis.call('EXISTS', KEYS[6]) == 1
  if served then redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[6]) end
  if kind ~= '' then
    forget_instances(prefix, KEYS[8], id)
    tell(KEYS[9], KEYS[10], kind, id, '')
  end
  redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
  if served then poke(KEYS[1], prefix) end
  return 1
end
return remove_member(ARGV[1], ARGV[2], ARGV[3])`,
  },
  members: {
    sha: '33b2984ced14ba565871965a691f5e181ac1a8d3',
    lua: `#!lua flags=no-writes
local MOST_MEMBERS = 10000
local answer = { redis.call('GET', KEYS[2]) or '0' }
local ids = redis.call('HKEYS', KEYS[1])
for i = 1, math.min(#ids, MOST_MEMBERS) do
  local report = redis.pcall('GET', ARGV[1] .. 'report:' .. ids[i])
  answer[#answer + 1] = ids[i]
  answer[#answer + 1] = type(report) == 'string' and report or ''
end
return answer`,
  },
  oncebegin: {
    sha: '9d7f319c56ebfc850dd9644f867da5f3a6eba26b',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function read_once(text)
  local head = text and string.find(text, '\\n', 1, true)
  if not head then return nil end
  local state, kind, node, message = string.match(string.sub(text, 1, head - 1), '^(%a) (%a) (%S+) (%S+)$')
  if not state then return nil end
  return { state = state, kind = kind, node = node, message = message, answer = string.sub(text, head + 1) }
end
local function write_once(key, state, kind, node, message, answer, lifetime)
  redis.call('SET', key, state .. ' ' .. kind .. ' ' .. node .. ' ' .. message .. '\\n' .. answer, 'PX', lifetime)
end
local function with_waiters(answer, waiters)
  for _, waiter in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do answer[#answer + 1] = waiter end
  return answer
end
local known = read_once(redis.call('GET', KEYS[2]))
if known and (known.state == 'r' or known.state == 'e') then
  local answer = { known.state == 'r' and 'replied' or 'failed', known.answer }
  return known.message == ARGV[2] and with_waiters(answer, KEYS[3]) or answer
end
local another = known and known.state == 'p' and known.message ~= ARGV[2]
if another and redis.call('HEXISTS', KEYS[1], known.node) == 1 then
  if ARGV[3] == '' then return { known.kind == 't' and 'waits' or 'busy' } end
  if not redis.call('ZSCORE', KEYS[3], ARGV[3]) then
    local waiting = redis.call('ZCARD', KEYS[3])
    if waiting >= tonumber(ARGV[4]) then return { 'busy' } end
    redis.call('ZADD', KEYS[3], waiting, ARGV[3])
    redis.call('PEXPIRE', KEYS[3], ARGV[5])
  end
  return { 'waits' }
end
if not known then redis.call('UNLINK', KEYS[3]) end
write_once(KEYS[2], 'p', ARGV[3] == '' and 't' or 'c', ARGV[1], ARGV[2], '', ARGV[5])
if ARGV[3] ~= '' then redis.call('ZREM', KEYS[3], ARGV[3]) end
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return { another and 'inherited' or 'run' }`,
  },
  onceend: {
    sha: '6109690d4d4ebf752dfe213ebc6f3c3671f72fac',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function read_once(text)
  local head = text and string.find(text, '\\n', 1, true)
  if not head then return nil end
  local state, kind, node, message = string.match(string.sub(text, 1, head - 1), '^(%a) (%a) (%S+) (%S+)$')
  if not state then return nil end
  return { state = state, kind = kind, node = node, message = message, answer = string.sub(text, head + 1) }
end
local function write_once(key, state, kind, node, message, answer, lifetime)
  redis.call('SET', key, state .. ' ' .. kind .. ' ' .. node .. ' ' .. message .. '\\n' .. answer, 'PX', lifetime)
end
local function with_waiters(answer, waiters)
  for _, waiter in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do answer[#answer + 1] = waiter end
  return answer
end
local known = read_once(redis.call('GET', KEYS[2]))
local frees = ARGV[3] == 'f' or ARGV[3] == 'w'
if known and known.message ~= ARGV[2] then return { 'lost' } end
if known and known.state ~= 'p' then
  if (known.state == 'f') ~= frees then return { 'lost' } end
  return with_waiters({ 'ended' }, KEYS[3])
end
if known and known.node ~= ARGV[1] and ARGV[3] ~= 'w' then return { 'lost' } end
if not frees then
  write_once(KEYS[2], ARGV[3], known and known.kind or 't', ARGV[1], ARGV[2], ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
  return with_waiters({ 'ended' }, KEYS[3])
end
if not known then return { 'ended' } end
if redis.call('ZCARD', KEYS[3]) == 0 then
  redis.call('UNLINK', KEYS[2])
else
  redis.call('SET', KEYS[2], 'f ' .. known.kind .. ' ' .. known.node .. ' ' .. known.message .. '\\n', 'KEEPTTL')
end
return with_waiters({ 'ended' }, KEYS[3])`,
  },
  oncetold: {
    sha: '115a510ef89bd155ce020dd52978c4743b70a7fc',
    lua: `#!lua flags=allow-oom
local function read_once(text)
  local head = text and string.find(text, '\\n', 1, true)
  if not head then return nil end
  local state, kind, node, message = string.match(string.sub(text, 1, head - 1), '^(%a) (%a) (%S+) (%S+)$')
  if not state then return nil end
  return { state = state, kind = kind, node = node, message = message, answer = string.sub(text, head + 1) }
end
local function write_once(key, state, kind, node, message, answer, lifetime)
  redis.call('SET', key, state .. ' ' .. kind .. ' ' .. node .. ' ' .. message .. '\\n' .. answer, 'PX', lifetime)
end
local function with_waiters(answer, waiters)
  for _, waiter in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do answer[#answer + 1] = waiter end
  return answer
end
local known = read_once(redis.call('GET', KEYS[1]))
if not known or known.message ~= ARGV[1] or known.state == 'p' then return 0 end
if known.state == 'f' then redis.call('UNLINK', KEYS[1]) end
return redis.call('UNLINK', KEYS[2])`,
  },
  open: {
    sha: '364234e5652b93d7afb2db18b3c99812116df0b2',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
local answer = {}
for i = 1, math.floor((#KEYS - 3) / 2) do
  local stream, level = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local name, max_length, max_bytes = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local made = redis.pcall('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM')
  if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then
    answer[i] = made.err
  else
    redis.call('HSET', level, 'maxLength', max_length, 'maxBytes', max_bytes)
    redis.call('SADD', KEYS[2], name)
    local _, target = addressed(name)
    if target then redis.call('SREM', KEYS[3], name) end
    answer[i] = (not target and redis.call('EXISTS', stream .. '>' .. ARGV[1]) == 1) and '>' or ''
  end
end
return answer`,
  },
  outcome: {
    sha: '239d52f158119ecbd5c14d1a03d808c7e40a24c4',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local FOREVER = 9007199254740991
local STEPS = 10
local LEAST_FAILING = 16
local MOST_FAILING = 1000
local MOST_BUCKETS = 100
local QUIET_MS = 21600000
local NUMBERS = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes', 'probeSuccesses', 'leaseUntil' }
local TEXTS = { 'phase', 'reason', 'by', 'manual', 'lease' }
local FIELDS = {}
for _, field in ipairs(NUMBERS) do FIELDS[#FIELDS + 1] = field end
for _, field in ipairs(TEXTS) do FIELDS[#FIELDS + 1] = field end
FIELDS[#FIELDS + 1] = 'window'
local function whole(value)
  local number = tonumber(value or '')
  if not number or number ~= number or number < 0 or number > FOREVER then return 0 end
  return math.floor(number)
end
local function empty_window() return { ms = 0, buckets = {}, failing = {} } end
local function read_window(packed)
  local window = empty_window()
  if not packed or packed == '' then return window end
  local read, found = pcall(cmsgpack.unpack, packed)
  if not read or type(found) ~= 'table' or type(found[2]) ~= 'table' or type(found[3]) ~= 'table' then return window end
  window.ms = whole(found[1])
  for i = 1, math.min(#found[2] - 2, 3 * MOST_BUCKETS), 3 do
    window.buckets[#window.buckets + 1] = { whole(found[2][i]), whole(found[2][i + 1]), whole(found[2][i + 2]) }
  end
  for i = 1, math.min(#found[3] - 1, 2 * MOST_FAILING), 2 do
    window.failing[#window.failing + 1] = { tostring(found[3][i]), whole(found[3][i + 1]) }
  end
  return window
end
local function pack_window(window)
  if #window.buckets == 0 and #window.failing == 0 then return '' end
  local buckets, failing = {}, {}
  for _, bucket in ipairs(window.buckets) do
    for part = 1, 3 do buckets[#buckets + 1] = bucket[part] end
  end
  for _, node in ipairs(window.failing) do
    failing[#failing + 1] = node[1]
    failing[#failing + 1] = node[2]
  end
  return cmsgpack.pack({ window.ms, buckets, failing })
end
local function bucket_start(ms, now)
  return now - now % math.max(1, math.floor(ms / STEPS))
end
local function window_at(window, now)
  local last = bucket_start(window.ms, now)
  local kept = { ms = window.ms, buckets = {}, failing = {} }
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] > last - window.ms and bucket[1] <= last then kept.buckets[#kept.buckets + 1] = bucket end
  end
  for _, node in ipairs(window.failing) do
    if node[2] > now - window.ms and node[2] <= now then kept.failing[#kept.failing + 1] = node end
  end
  return kept
end
local function with_outcomes(before, tally, ms, quorum, now, by)
  local window = window_at({ ms = ms, buckets = before.buckets, failing = before.failing }, now)
  local at, current = bucket_start(ms, now), nil
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] == at then current = bucket end
  end
  if not current then
    current = { at, 0, 0 }
    window.buckets[#window.buckets + 1] = current
  end
  current[2], current[3] = current[2] + tally.successes, current[3] + tally.failures
  if tally.failures > 0 then
    local others, failing = {}, {}
    for _, node in ipairs(window.failing) do
      if node[1] ~= by then others[#others + 1] = node end
    end
    local most = math.min(MOST_FAILING, math.max(LEAST_FAILING, quorum))
    for i = math.max(1, #others - most + 2), #others do failing[#failing + 1] = others[i] end
    failing[#failing + 1] = { by, now }
    window.failing = failing
  end
  return window
end
local function sum_of(window)
  local successes, failures = 0, 0
  for _, bucket in ipairs(window.buckets) do
    successes, failures = successes + bucket[2], failures + bucket[3]
  end
  return successes, failures
end
local function new_breaker(name, now)
  local breaker = { name = name, exists = false, stored = {}, phase = 'closed', changedAt = now, reason = 'new', by = '', manual = false, lease = '' }
  for _, field in ipairs(NUMBERS) do breaker[field] = breaker[field] or 0 end
  breaker.window = empty_window()
  return breaker
end
local function read_breaker(key, name, now)
  local stored = redis.pcall('HMGET', key, unpack(FIELDS))
  local breaker = new_breaker(name, now)
  if stored.err then
    redis.call('UNLINK', key)
    return breaker
  end
  local found = {}
  for i, field in ipairs(FIELDS) do found[field] = stored[i] end
  local phase = found.phase
  if phase ~= 'closed' and phase ~= 'open' and phase ~= 'half_open' then return breaker end
  for _, field in ipairs(NUMBERS) do
    found[field] = whole(found[field])
    breaker[field] = found[field]
  end
  breaker.phase, breaker.exists, breaker.stored = phase, true, found
  breaker.reason, breaker.by, breaker.lease = found.reason or '', found.by or '', found.lease or ''
  breaker.manual = found.manual == '1'
  breaker.window = read_window(found.window)
  return breaker
end
local function turn(breaker, phase, now, by, reason)
  breaker.phase, breaker.changedAt, breaker.by, breaker.reason = phase, now, by, reason
  breaker.changes, breaker.manual, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = breaker.changes + 1, false, 0, '', 0
end
local function close(breaker, now, by, reason)
  turn(breaker, 'closed', now, by, reason)
  breaker.openUntil, breaker.openings, breaker.rampUntil, breaker.failuresInRow = 0, 0, 0, 0
  breaker.window = empty_window()
end
local function open(breaker, policy, now, by, reason)
  turn(breaker, 'open', now, by, reason)
  breaker.openings, breaker.rampUntil = breaker.openings + 1, 0
  breaker.openUntil = now + math.min(policy.max_open_ms, policy.open_ms * 2 ^ (breaker.openings - 1))
end
local function catch_up(breaker, now)
  if breaker.manual and breaker.openUntil <= now then
    close(breaker, breaker.openUntil, breaker.by, 'its time is over')
  elseif breaker.phase == 'closed' then
    if breaker.openings > 0 and breaker.rampUntil <= now then breaker.openings, breaker.rampUntil = 0, 0 end
  elseif breaker.lease ~= '' and breaker.leaseUntil <= now then
    breaker.lease, breaker.leaseUntil = '', 0
  end
end
local SHOWN = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes' }
local function state_of(breaker, now)
  catch_up(breaker, now)
  local successes, failures = sum_of(window_at(breaker.window, now))
  local parts = {
    '{"name":' .. cjson.encode(breaker.name),
    '"phase":"' .. breaker.phase .. '"',
    '"reason":' .. cjson.encode(breaker.reason),
    '"by":' .. cjson.encode(breaker.by),
    '"manual":' .. tostring(breaker.manual),
    string.format('"windowFailures":%.0f,"windowSuccesses":%.0f', failures, successes),
  }
  for _, field in ipairs(SHOWN) do parts[#parts + 1] = string.format('"%s":%.0f', field, breaker[field]) end
  return table.concat(parts, ',') .. '}'
end
local function keep_breaker(key, breaker, now)
  local fields, stored = { 'HSET', key, 'window', pack_window(breaker.window) }, breaker.stored
  local function keep(field, text)
    fields[#fields + 1] = field
    fields[#fields + 1] = text
  end
  for _, field in ipairs(NUMBERS) do
    if stored[field] ~= breaker[field] then keep(field, string.format('%.0f', breaker[field])) end
  end
  for _, field in ipairs({ 'phase', 'reason', 'by', 'lease' }) do
    if stored[field] ~= breaker[field] then keep(field, breaker[field]) end
  end
  keep('manual', breaker.manual and '1' or '0')
  redis.call(unpack(fields))
  local until_ms = math.max(now, math.min(breaker.openUntil, FOREVER - QUIET_MS)) + QUIET_MS
  redis.call('PEXPIRE', key, string.format('%.0f', until_ms - now))
  return state_of(breaker, now)
end
local function publish(index, news, seq, breaker, changes, state)
  if breaker.changes == changes then return end
  redis.call('ZADD', index, 0, breaker.name)
  tell(news, seq, 'breaker', breaker.name, state)
end
local function restore(breaker, now, longest_ms)
  breaker.changes = whole(ARGV[17])
  if ARGV[16] == 'closed' then return end
  breaker.phase, breaker.reason, breaker.by, breaker.manual = 'open', ARGV[24], ARGV[25], ARGV[26] == '1'
  for i, field in ipairs({ 'changedAt', 'openUntil', 'openings', 'failuresInRow', 'failures', 'successes' }) do
    breaker[field] = whole(ARGV[17 + i])
  end
  if not breaker.manual then breaker.openUntil = math.min(breaker.openUntil, now + longest_ms) end
  breaker.rampUntil, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = 0, 0, '', 0
  breaker.window = empty_window()
end
local function judge(breaker, tally, policy, now, by)
  if breaker.rampUntil > now then
    if tally.failures > 0 then open(breaker, policy, now, by, 'a failure while it was closing') end
    return
  end
  if #breaker.window.failing < policy.quorum then return end
  if breaker.failuresInRow >= policy.failures_in_row then
    return open(breaker, policy, now, by, string.format('%.0f failures in a row', breaker.failuresInRow))
  end
  local successes, failures = sum_of(breaker.window)
  local calls = successes + failures
  if calls < policy.least_calls or failures == 0 or failures / calls < policy.failure_rate then return end
  open(breaker, policy, now, by, string.format('%.0f of %.0f calls failed', failures, calls))
end
local function count(breaker, tally, policy, now, by)
  breaker.failuresInRow = tally.successes > 0 and tally.trailing or breaker.failuresInRow + tally.failures
  breaker.window = with_outcomes(breaker.window, tally, policy.window_ms, policy.quorum, now, by)
end
local function end_probe(breaker, tally, policy, now, by)
  breaker.lease, breaker.leaseUntil = '', 0
  if tally.failures > 0 then
    count(breaker, tally, policy, now, by)
    return open(breaker, policy, now, by, 'the probe failed')
  end
  if tally.successes == 0 then return end
  local probes = breaker.probeSuccesses + 1
  if probes < policy.probes then
    breaker.probeSuccesses = probes
    return
  end
  local openings = breaker.openings
  close(breaker, now, by, string.format('%.0f probes succeeded', probes))
  breaker.openings, breaker.rampUntil = openings, policy.ramp_ms > 0 and now + policy.ramp_ms or 0
end
local now, by = now_ms(redis.call('TIME')), ARGV[2]
local tally = { successes = whole(ARGV[3]), failures = whole(ARGV[4]), trailing = whole(ARGV[5]) }
local policy = {
  failures_in_row = tonumber(ARGV[7]), failure_rate = tonumber(ARGV[8]), least_calls = tonumber(ARGV[9]),
  window_ms = tonumber(ARGV[10]), probes = tonumber(ARGV[11]), open_ms = tonumber(ARGV[12]),
  max_open_ms = tonumber(ARGV[13]), ramp_ms = tonumber(ARGV[14]), quorum = tonumber(ARGV[15]),
}
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes, failed_before = breaker.changes, breaker.failures > 0
if ARGV[16] ~= '' and whole(ARGV[17]) > breaker.changes then restore(breaker, now, policy.max_open_ms) end
catch_up(breaker, now)
breaker.failures, breaker.successes = breaker.failures + tally.failures, breaker.successes + tally.successes
if breaker.phase == 'closed' then
  count(breaker, tally, policy, now, by)
  judge(breaker, tally, policy, now, by)
elseif breaker.lease ~= '' and breaker.lease == ARGV[6] then
  end_probe(breaker, tally, policy, now, by)
end
local state = keep_breaker(KEYS[1], breaker, now)
publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
if not failed_before and breaker.failures > 0 then redis.call('ZADD', KEYS[2], 0, ARGV[1]) end
return state`,
  },
  park: {
    sha: '844f462f4adbd2d18194d93cd1e7d65f3f8700e6',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
local MOST_FIELDS = 512
local function to_shared(stream, progress, shared, shared_progress, id, raw, p)
  local entry = { 'XADD', shared, '*' }
  for i = 1, math.min(#raw, MOST_FIELDS), 2 do
    if raw[i] ~= 'p' then entry[#entry + 1] = raw[i]; entry[#entry + 1] = raw[i + 1] end
  end
  local happened = p.crashes > 0 or p.mask ~= '' or p.charges ~= ''
  local record = p.crashes .. '|' .. p.mask .. '||' .. p.charges
  if happened then entry[#entry + 1] = 'p'; entry[#entry + 1] = record end
  local moved = redis.call(unpack(entry))
  if happened then redis.call('HSET', shared_progress, moved, record) end
  end_entry(stream, progress, id)
end
local id = ARGV[2]
if not is_held(KEYS[2], id, ARGV[1]) then return 0 end
local p = read_progress(redis.call('HGET', KEYS[4], id))
local stored = p.mask ~= '' and p.mask or ARGV[4]
local rest = masked(stored, ARGV[5], '1')
if rest ~= stored or p.mark ~= '' then
  leave_rest(KEYS[2], KEYS[3], KEYS[4], id, p, stored, rest, tonumber(ARGV[6]), true)
end
local partitions = ones(rest) > 0 and not KEYS[7] and redis.call('HGET', KEYS[3], 'partitions')
if partitions then return { tonumber(partitions), rest } end
if ones(rest) > 0 and KEYS[7] then
  local _, raw = read_entry(KEYS[2], id)
  if not raw then return 0 end
  to_shared(KEYS[2], KEYS[4], KEYS[7], KEYS[8], id, raw, p)
elseif ones(rest) > 0 then
  redis.call('XCLAIM', KEYS[2], 'g', 'parked', 0, id, 'JUSTID')
  if redis.call('SADD', KEYS[5], ARGV[3]) == 1 then
    redis.call('INCR', KEYS[6])
    poke(KEYS[1], ARGV[7])
  end
end
return 1`,
  },
  pass: {
    sha: '1518a4ec62d1d80fd4e8bf38edcd1cd69cfcd8b9',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
if redis.call('LINDEX', (line_key(KEYS[2])), 0) ~= ARGV[1] then return 0 end
leave_line(KEYS[2])
return 1`,
  },
  permits: {
    sha: '0d5926760fcd3974699caec8b70bcc9c21f98270',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function number(value) return tonumber(value or '') or 0 end
local function read_earnings(packed, since)
  local kept = {}
  local read, found = pcall(cmsgpack.unpack, packed or '')
  if not read or type(found) ~= 'table' then return kept end
  for i = 1, math.min(#found - 1, 2 * tonumber(ARGV[5])), 2 do
    if number(found[i]) > since then kept[#kept + 1] = { number(found[i]), number(found[i + 1]) } end
  end
  return kept
end
local now = now_ms(redis.call('TIME'))
local second, per_second = now - now % 1000, tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'steady', 'at', 'granted', 'earnings')
local most = tonumber(ARGV[5]) * per_second
local at = kept[2] and number(kept[2]) or now
local steady = kept[1] and math.min(most, number(kept[1]) + math.max(0, now - at) / 1000 * per_second) or most
local earnings = read_earnings(kept[4], second - tonumber(ARGV[5]) * 1000)
local gained = tonumber(ARGV[1]) * tonumber(ARGV[3])
if gained > 0 then
  local last = earnings[#earnings]
  if last and last[1] >= second then last[2] = last[2] + gained else earnings[#earnings + 1] = { second, gained } end
end
local held = steady
for _, earning in ipairs(earnings) do held = held + earning[2] end
local granted = math.min(tonumber(ARGV[2]), math.floor(held + 1e-9))
local due, rest = granted, {}
for _, earning in ipairs(earnings) do
  local taken = math.min(due, earning[2])
  due = due - taken
  if earning[2] > taken then
    rest[#rest + 1] = earning[1]
    rest[#rest + 1] = earning[2] - taken
  end
end
local before = number(kept[3])
redis.call(
  'HSET', KEYS[1], 'steady', string.format('%.17g', math.max(0, steady - due)), 'at', string.format('%.0f', math.max(now, at)),
  'granted', string.format('%.0f', before + granted), 'earnings', cmsgpack.pack(rest)
)
redis.call('PEXPIRE', KEYS[1], 2000 * tonumber(ARGV[5]))
return { granted, before }`,
  },
  places: {
    sha: 'bcc29a17cbf10fcfaaf71b200988be469361e7b5',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local MOST_NODES = 1000
local MOST_PLACES = 1000000
local function others_of(key)
  local others, held = {}, 0
  local all = healing('HGETALL', key)
  for i = 1, math.min(#all, 2 * MOST_NODES), 2 do
    local id = all[i]
    if id ~= ARGV[1] then
      local has, wished = string.match(all[i + 1], '^(%d+) (%d+)$')
      has, wished = tonumber(has), tonumber(wished)
      if has and has <= MOST_PLACES and redis.call('HEXISTS', KEYS[1], id) == 1 then
        others[#others + 1] = { id, wished }
        held = held + has
      else
        redis.call('HDEL', key, id)
      end
    end
  end
  return others, held
end
local function fair_share(max, stakes, turn)
  table.sort(stakes, function(a, b) return a[2] < b[2] or (a[2] == b[2] and a[1] < b[1]) end)
  local left, place = max, 0
  for i, stake in ipairs(stakes) do
    if stake[1] == ARGV[1] then place = i end
  end
  for i, stake in ipairs(stakes) do
    local wanting = #stakes - i + 1
    local part = math.floor(left / wanting)
    if stake[2] > part then
      if place < i then return 0 end
      return part + ((place - i + turn) % wanting < left % wanting and 1 or 0)
    end
    if i == place then return stake[2] end
    left = left - stake[2]
  end
  return 0
end
local answer = {}
local turn = tonumber(redis.call('TIME')[1])
for i = 1, math.min(128, tonumber(ARGV[2])) do
  local key = KEYS[i + 1]
  local max, using, wished = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local stakes, held = others_of(key)
  stakes[#stakes + 1] = { ARGV[1], wished }
  local allowed = math.max(0, math.min(fair_share(max, stakes, turn), max - held))
  if allowed > 0 or wished > 0 then
    redis.call('HSET', key, ARGV[1], string.format('%.0f %.0f', math.max(using, allowed), wished))
    redis.call('PEXPIRE', key, 3600000)
  else
    redis.call('HDEL', key, ARGV[1])
  end
  answer[i] = allowed
end
return answer`,
  },
  probe: {
    sha: 'f82d8928eb943bfc45679633c056171e90f07863',
    lua: `#!lua flags=allow-oom
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local FOREVER = 9007199254740991
local STEPS = 10
local LEAST_FAILING = 16
local MOST_FAILING = 1000
local MOST_BUCKETS = 100
local QUIET_MS = 21600000
local NUMBERS = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes', 'probeSuccesses', 'leaseUntil' }
local TEXTS = { 'phase', 'reason', 'by', 'manual', 'lease' }
local FIELDS = {}
for _, field in ipairs(NUMBERS) do FIELDS[#FIELDS + 1] = field end
for _, field in ipairs(TEXTS) do FIELDS[#FIELDS + 1] = field end
FIELDS[#FIELDS + 1] = 'window'
local function whole(value)
  local number = tonumber(value or '')
  if not number or number ~= number or number < 0 or number > FOREVER then return 0 end
  return math.floor(number)
end
local function empty_window() return { ms = 0, buckets = {}, failing = {} } end
local function read_window(packed)
  local window = empty_window()
  if not packed or packed == '' then return window end
  local read, found = pcall(cmsgpack.unpack, packed)
  if not read or type(found) ~= 'table' or type(found[2]) ~= 'table' or type(found[3]) ~= 'table' then return window end
  window.ms = whole(found[1])
  for i = 1, math.min(#found[2] - 2, 3 * MOST_BUCKETS), 3 do
    window.buckets[#window.buckets + 1] = { whole(found[2][i]), whole(found[2][i + 1]), whole(found[2][i + 2]) }
  end
  for i = 1, math.min(#found[3] - 1, 2 * MOST_FAILING), 2 do
    window.failing[#window.failing + 1] = { tostring(found[3][i]), whole(found[3][i + 1]) }
  end
  return window
end
local function pack_window(window)
  if #window.buckets == 0 and #window.failing == 0 then return '' end
  local buckets, failing = {}, {}
  for _, bucket in ipairs(window.buckets) do
    for part = 1, 3 do buckets[#buckets + 1] = bucket[part] end
  end
  for _, node in ipairs(window.failing) do
    failing[#failing + 1] = node[1]
    failing[#failing + 1] = node[2]
  end
  return cmsgpack.pack({ window.ms, buckets, failing })
end
local function bucket_start(ms, now)
  return now - now % math.max(1, math.floor(ms / STEPS))
end
local function window_at(window, now)
  local last = bucket_start(window.ms, now)
  local kept = { ms = window.ms, buckets = {}, failing = {} }
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] > last - window.ms and bucket[1] <= last then kept.buckets[#kept.buckets + 1] = bucket end
  end
  for _, node in ipairs(window.failing) do
    if node[2] > now - window.ms and node[2] <= now then kept.failing[#kept.failing + 1] = node end
  end
  return kept
end
local function with_outcomes(before, tally, ms, quorum, now, by)
  local window = window_at({ ms = ms, buckets = before.buckets, failing = before.failing }, now)
  local at, current = bucket_start(ms, now), nil
  for _, bucket in ipairs(window.buckets) do
    if bucket[1] == at then current = bucket end
  end
  if not current then
    current = { at, 0, 0 }
    window.buckets[#window.buckets + 1] = current
  end
  current[2], current[3] = current[2] + tally.successes, current[3] + tally.failures
  if tally.failures > 0 then
    local others, failing = {}, {}
    for _, node in ipairs(window.failing) do
      if node[1] ~= by then others[#others + 1] = node end
    end
    local most = math.min(MOST_FAILING, math.max(LEAST_FAILING, quorum))
    for i = math.max(1, #others - most + 2), #others do failing[#failing + 1] = others[i] end
    failing[#failing + 1] = { by, now }
    window.failing = failing
  end
  return window
end
local function sum_of(window)
  local successes, failures = 0, 0
  for _, bucket in ipairs(window.buckets) do
    successes, failures = successes + bucket[2], failures + bucket[3]
  end
  return successes, failures
end
local function new_breaker(name, now)
  local breaker = { name = name, exists = false, stored = {}, phase = 'closed', changedAt = now, reason = 'new', by = '', manual = false, lease = '' }
  for _, field in ipairs(NUMBERS) do breaker[field] = breaker[field] or 0 end
  breaker.window = empty_window()
  return breaker
end
local function read_breaker(key, name, now)
  local stored = redis.pcall('HMGET', key, unpack(FIELDS))
  local breaker = new_breaker(name, now)
  if stored.err then
    redis.call('UNLINK', key)
    return breaker
  end
  local found = {}
  for i, field in ipairs(FIELDS) do found[field] = stored[i] end
  local phase = found.phase
  if phase ~= 'closed' and phase ~= 'open' and phase ~= 'half_open' then return breaker end
  for _, field in ipairs(NUMBERS) do
    found[field] = whole(found[field])
    breaker[field] = found[field]
  end
  breaker.phase, breaker.exists, breaker.stored = phase, true, found
  breaker.reason, breaker.by, breaker.lease = found.reason or '', found.by or '', found.lease or ''
  breaker.manual = found.manual == '1'
  breaker.window = read_window(found.window)
  return breaker
end
local function turn(breaker, phase, now, by, reason)
  breaker.phase, breaker.changedAt, breaker.by, breaker.reason = phase, now, by, reason
  breaker.changes, breaker.manual, breaker.probeSuccesses, breaker.lease, breaker.leaseUntil = breaker.changes + 1, false, 0, '', 0
end
local function close(breaker, now, by, reason)
  turn(breaker, 'closed', now, by, reason)
  breaker.openUntil, breaker.openings, breaker.rampUntil, breaker.failuresInRow = 0, 0, 0, 0
  breaker.window = empty_window()
end
local function open(breaker, policy, now, by, reason)
  turn(breaker, 'open', now, by, reason)
  breaker.openings, breaker.rampUntil = breaker.openings + 1, 0
  breaker.openUntil = now + math.min(policy.max_open_ms, policy.open_ms * 2 ^ (breaker.openings - 1))
end
local function catch_up(breaker, now)
  if breaker.manual and breaker.openUntil <= now then
    close(breaker, breaker.openUntil, breaker.by, 'its time is over')
  elseif breaker.phase == 'closed' then
    if breaker.openings > 0 and breaker.rampUntil <= now then breaker.openings, breaker.rampUntil = 0, 0 end
  elseif breaker.lease ~= '' and breaker.leaseUntil <= now then
    breaker.lease, breaker.leaseUntil = '', 0
  end
end
local SHOWN = { 'changes', 'changedAt', 'openUntil', 'openings', 'rampUntil', 'failuresInRow', 'failures', 'successes' }
local function state_of(breaker, now)
  catch_up(breaker, now)
  local successes, failures = sum_of(window_at(breaker.window, now))
  local parts = {
    '{"name":' .. cjson.encode(breaker.name),
    '"phase":"' .. breaker.phase .. '"',
    '"reason":' .. cjson.encode(breaker.reason),
    '"by":' .. cjson.encode(breaker.by),
    '"manual":' .. tostring(breaker.manual),
    string.format('"windowFailures":%.0f,"windowSuccesses":%.0f', failures, successes),
  }
  for _, field in ipairs(SHOWN) do parts[#parts + 1] = string.format('"%s":%.0f', field, breaker[field]) end
  return table.concat(parts, ',') .. '}'
end
local function keep_breaker(key, breaker, now)
  local fields, stored = { 'HSET', key, 'window', pack_window(breaker.window) }, breaker.stored
  local function keep(field, text)
    fields[#fields + 1] = field
    fields[#fields + 1] = text
  end
  for _, field in ipairs(NUMBERS) do
    if stored[field] ~= breaker[field] then keep(field, string.format('%.0f', breaker[field])) end
  end
  for _, field in ipairs({ 'phase', 'reason', 'by', 'lease' }) do
    if stored[field] ~= breaker[field] then keep(field, breaker[field]) end
  end
  keep('manual', breaker.manual and '1' or '0')
  redis.call(unpack(fields))
  local until_ms = math.max(now, math.min(breaker.openUntil, FOREVER - QUIET_MS)) + QUIET_MS
  redis.call('PEXPIRE', key, string.format('%.0f', until_ms - now))
  return state_of(breaker, now)
end
local function publish(index, news, seq, breaker, changes, state)
  if breaker.changes == changes then return end
  redis.call('ZADD', index, 0, breaker.name)
  tell(news, seq, 'breaker', breaker.name, state)
end
local now = now_ms(redis.call('TIME'))
local breaker = read_breaker(KEYS[1], ARGV[1], now)
local changes = breaker.changes
catch_up(breaker, now)
local retry_at = breaker.phase == 'closed' and now or breaker.lease ~= '' and breaker.leaseUntil or breaker.openUntil
local granted = breaker.phase ~= 'closed' and retry_at <= now
if granted then
  if breaker.phase == 'open' then
    turn(breaker, 'half_open', now, ARGV[2], 'the wait is over')
    breaker.failuresInRow, breaker.window = 0, empty_window()
  end
  breaker.lease, breaker.leaseUntil = ARGV[3], now + tonumber(ARGV[4])
end
local state
if granted or breaker.changes ~= changes then
  state = keep_breaker(KEYS[1], breaker, now)
  publish(KEYS[2], KEYS[3], KEYS[4], breaker, changes, state)
else
  state = state_of(breaker, now)
end
return { granted and '1' or '0', string.format('%.0f', retry_at), state }`,
  },
  progress: {
    sha: '2b36b644b66fae876978e4ad3de95de939007944',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
  publish: {
    sha: '080277d6442053d9cd314ef37593f34da4e18525',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local MOST_SEGMENTS = 64
local MOST_PATTERNS = 1024
local function matches(pattern, topic)
  local p, t = 1, 1
  for _ = 1, MOST_SEGMENTS do
    if p > #pattern or t > #topic then return p > #pattern and t > #topic end
    local p_end = string.find(pattern, '.', p, true) or #pattern + 1
    local word = string.sub(pattern, p, p_end - 1)
    if word == '>' then return true end
    local t_end = string.find(topic, '.', t, true) or #topic + 1
    if word ~= '*' and word ~= string.sub(topic, t, t_end - 1) then return false end
    p, t = p_end + 1, t_end + 1
  end
  return false
end
local TRIMMED_AT_ONCE = 2
local prefix, name, frame = ARGV[2], ARGV[3], ARGV[6]
local field, count = 'topic.' .. name, tonumber(ARGV[5])
if repeated(KEYS[2], field, ARGV[4]) then return { '', {}, {}, {} } end
local facts, groups, names = read_topic(KEYS[3])
if not facts then return redis.error_reply('WRONGTYPE the key of the topic holds another type') end
local total = tonumber(facts.total) or 0
local now = now_ms(redis.call('TIME'))
local attached = {}
if not facts.total then
  redis.call('ZADD', KEYS[5], 0, name)
  local patterns = redis.call('HKEYS', KEYS[6])
  for i = 1, math.min(#patterns, MOST_PATTERNS) do
    local pattern, group = string.match(patterns[i], '^(%S+) (%S+)$')
    if pattern and not groups[group] and #names < MOST_GROUPS and matches(pattern, name) then
      groups[group] = { cursor = '', floor = 0, pattern = pattern, at = now }
      write_group(KEYS[3], group, groups[group])
      names[#names + 1] = group
      attached[#attached + 1] = group
    end
  end
end
local copies, hints, dropped, filling, full = {}, {}, {}, nil, nil
for i = 1, #names do
  local group, state = names[i], groups[names[i]]
  local mailbox = field .. '@' .. group
  local stream, level = prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox
  redis.call('XLEN', stream)
  local refused, messages, bytes, hint
  if state.cursor == '' then
    refused, messages, bytes, hint = fullness(KEYS[1], level, stream, KEYS[7], KEYS[8], count, #frame, false, ARGV[1], false)
  else
    local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes')
    local owed = total - math.max(state.floor, total_of(state.cursor))
    local waiting, max_length = (tonumber(l[1]) or 0) + owed, tonumber(l[3]) or MAX_LENGTH
    messages, bytes = waiting + count, tonumber(l[2]) or 0
    if owed + count > max_length then
      refused = { math.max(0, max_length - owed), waiting, bytes, max_length, tonumber(l[4]) or MAX_BYTES }
    end
  end
  local beyond = refused or messages > tonumber(ARGV[7]) or bytes > tonumber(ARGV[8])
  if beyond and is_forgotten(KEYS[1], prefix, mailbox, state, now) then
    dropped[#dropped + 1] = forget_group(prefix, KEYS[3], name, group, now)
  elseif refused then
    full = full or { group, refused }
  elseif state.cursor == '' then
    copies[#copies + 1] = { stream, level, messages, bytes }
    hints[#hints + 1] = hint or ''
  elseif not filling or total_of(state.cursor) < total_of(filling) then
    filling = state.cursor
  end
end
if full then return { full[1], full[2], {}, dropped } end
local kept = ARGV[12] == '1' or filling
if kept then redis.call('XLEN', KEYS[4]) end
for i = 1, #copies do
  local stream, level, messages, bytes = unpack(copies[i])
  redis.call('XADD', stream, '*', 'f', frame, 'n', count)
  redis.call('HSET', level, 'messages', messages, 'bytes', bytes)
end
total = total + count
local changes = { 'total', exact(total), 'at', exact(now) }
if kept then
  local at = math.max(now, tonumber(facts.logged) or 0)
  local entry = { 'XADD', KEYS[4], exact(at) .. '-' .. exact(total), 'f', frame, 'n', count }
  if redis.pcall(unpack(entry)).err then redis.call('UNLINK', KEYS[4]); redis.call(unpack(entry)) end
  changes[5], changes[6] = 'logged', exact(at)
  if ARGV[12] == '1' then
    local oldest = now - (tonumber(ARGV[11]) or now)
    local lowest = total - (tonumber(ARGV[10]) or total)
    for _, first in ipairs(redis.call('XRANGE', KEYS[4], '-', '+', 'COUNT', TRIMMED_AT_ONCE)) do
      local beyond = total_of(first[1]) <= lowest or tonumber(string.match(first[1], '^%d+')) < oldest
      if not beyond or (filling and total_of(first[1]) > total_of(filling)) then break end
      redis.call('XDEL', KEYS[4], first[1])
    end
  end
elseif facts.logged then
  redis.call('UNLINK', KEYS[4])
  redis.call('HDEL', KEYS[3], 'logged')
end
local bounds = table.concat({ ARGV[7], ARGV[8], ARGV[9], ARGV[11] == '' and '-' or ARGV[11] }, ' ')
if facts.bounds ~= bounds then changes[#changes + 1] = 'bounds'; changes[#changes + 1] = bounds end
redis.call('HSET', KEYS[3], unpack(changes))
redis.call('HSET', KEYS[2], field, ARGV[4] .. ' ' .. exact(total))
return { '', attached, hints, dropped }`,
  },
  ratedraw: {
    sha: '986cc9e5e1822fbe54df807954da173c92469146',
    lua: `#!lua flags=allow-oom
local function healing(verb, key, ...)
  local answer = redis.pcall(verb, key, ...)
  if type(answer) ~= 'table' or not answer.err then return answer end
  if string.find(answer.err, 'WRONGTYPE', 1, true) then redis.call('UNLINK', key) end
  return redis.call(verb, key, ...)
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local answer = {}
for i = 1, math.min(128, tonumber(ARGV[1])) do
  local every, burst = 1000 / tonumber(ARGV[5 * i - 3]), tonumber(ARGV[5 * i - 2])
  local wanted, returned, within = tonumber(ARGV[5 * i - 1]), tonumber(ARGV[5 * i]), tonumber(ARGV[5 * i + 1])
  local until_ms, before = string.match(healing('GET', KEYS[i]) or '', '^(%S+) (%S+)$')
  until_ms, before = tonumber(until_ms), tonumber(before)
  local owed = 0
  if until_ms and before and before > 0 and until_ms > now then owed = (until_ms - now) / before * every end
  local debt = math.max(0, math.min(owed, within + burst * every) - returned * every)
  local lead = debt - (burst - 1) * every
  local granted = math.max(0, math.min(wanted, math.floor((within - lead) / every + 1e-6) + 1))
  debt = debt + granted * every
  if debt <= 0 then
    redis.call('UNLINK', KEYS[i])
  else
    redis.call('SET', KEYS[i], string.format('%.3f %.9g', now + debt, every), 'PX', string.format('%.0f', math.ceil(debt) + 1))
  end
  answer[2 * i - 1] = granted
  answer[2 * i] = string.format('%.3f', lead)
end
return answer`,
  },
  reap: {
    sha: '657a9218af35c3c0b4d29b3770f6a4a157c06ebe',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MEMBERS_CHANGED = 1048576
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local MOST_SERVICES = 10000
local function index_instance(prefix, service, id, entry)
  local key = prefix .. 'instances:' .. service
  local written = redis.pcall('HSET', key, id, entry)
  if type(written) == 'table' and written.err then
    redis.call('UNLINK', key)
    redis.call('HSET', key, id, entry)
  end
end
local function forget_instance(prefix, service, id)
  redis.pcall('HDEL', prefix .. 'instances:' .. service, id)
end
local function forget_instances(prefix, report, id)
  local text = redis.pcall('GET', report)
  if type(text) ~= 'string' then return end
  local read, found = pcall(cjson.decode, text)
  if not read or type(found) ~= 'table' or type(found.serves) ~= 'table' then return end
  local left = MOST_SERVICES
  for mailbox in pairs(found.serves) do
    if left == 0 then return end
    left = left - 1
    if type(mailbox) == 'string' then forget_instance(prefix, string.match(mailbox, '^[^@]*'), id) end
  end
end
local MOST_POKED = 64
local function poke(members, prefix)
  local ids = redis.call('HKEYS', members)
  for i = 1, math.min(#ids, MOST_POKED) do
    redis.call('XADD', prefix .. 'inbox:' .. ids[i], 'NOMKSTREAM', '*', 'o', '1')
  end
end
local function remove_member(id, prefix, kind)
  if redis.call('HDEL', KEYS[1], id) == 0 then return 0 end
  redis.call('INCRBY', KEYS[2], MEMBERS_CHANGED)
  local served = redis.call('EXISTS', KEYS[6]) == 1
  if served then redis.call('SUNIONSTORE', KEYS[3], KEYS[3], KEYS[6]) end
  if kind ~= '' then
    forget_instances(prefix, KEYS[8], id)
    tell(KEYS[9], KEYS[10], kind, id, '')
  end
  redis.call('UNLINK', KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8])
  if served then poke(KEYS[1], prefix) end
  return 1
end
if redis.call('HGET', KEYS[1], ARGV[2]) ~= ARGV[3] then return 0 end
return remove_member(ARGV[2], ARGV[4], ARGV[5])`,
  },
  record: {
    sha: 'f465a638531470430b506330ee03008fa964428a',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local NEWS_KEPT = 1000
local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end
local LARGEST_REPORT_TOLD = 16384
local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
local HISTORY_KEPT = 1000
local REMEMBERED_MS = 86400000
local LOOKED_OVER = 3
local now = now_ms(redis.call('TIME'))
local function read_record(text)
  local read, record = pcall(cjson.decode, text)
  if not read or type(record) ~= 'table' then return 0, 0 end
  local revision, ends = tonumber(record.revision) or 0, tonumber(record['until'])
  if record.body == nil then return revision, tonumber(record.at) or 0 end
  if ends and ends <= now then return revision, ends end
  return revision, nil
end
local before = redis.call('HGET', KEYS[2], ARGV[3])
local revision, void = 0, 0
if before then revision, void = read_record(before) end
local standing = void and 0 or revision
if ARGV[6] ~= '' and tonumber(ARGV[6]) ~= standing then return { standing } end
revision = math.max(revision, before and 0 or tonumber(redis.call('GET', KEYS[4])) or 0) + 1
local record = '{"name":' .. ARGV[4] .. ',"revision":' .. string.format('%.0f', revision)
if ARGV[7] ~= '' then record = record .. ',"until":' .. string.format('%.0f', now + tonumber(ARGV[7])) end
record = record .. ',"at":' .. string.format('%.0f', now) .. ',"by":' .. ARGV[8]
if ARGV[5] ~= '' then record = record .. ',"body":' .. ARGV[5] end
record = record .. '}'
redis.call('HSET', KEYS[2], ARGV[3], record)
redis.call('XADD', KEYS[3], 'MAXLEN', '~', HISTORY_KEPT, '*', 'r', record)
tell(KEYS[5], KEYS[6], ARGV[2], ARGV[3], record)
local some = redis.call('HRANDFIELD', KEYS[2], LOOKED_OVER, 'WITHVALUES')
for at = 1, #some, 2 do
  local forgotten, since = read_record(some[at + 1])
  if since and since > 0 and since + REMEMBERED_MS < now then
    redis.call('HDEL', KEYS[2], some[at])
    if forgotten > (tonumber(redis.call('GET', KEYS[4])) or 0) then
      redis.call('SET', KEYS[4], string.format('%.0f', forgotten))
    end
  end
end
return record`,
  },
  records: {
    sha: '35ccf4718f8d90dda398cae0c68209e306c63d49',
    lua: `#!lua flags=no-writes
local answer = redis.call('TIME')
for _, record in ipairs(redis.call('HVALS', KEYS[1])) do answer[#answer + 1] = record end
return answer`,
  },
  replay: {
    sha: 'bbeaca97b8dce942433096835ab74c36cee1d4fb',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
    sha: '98e3588230e006781c44efda7104334eac7672cf',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
  return: {
    sha: '064dfb59dcbe298a16dc4c3684285be49750c09b',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
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
local MOST_FIELDS = 512
local function to_shared(stream, progress, shared, shared_progress, id, raw, p)
  local entry = { 'XADD', shared, '*' }
  for i = 1, math.min(#raw, MOST_FIELDS), 2 do
    if raw[i] ~= 'p' then entry[#entry + 1] = raw[i]; entry[#entry + 1] = raw[i + 1] end
  end
  local happened = p.crashes > 0 or p.mask ~= '' or p.charges ~= ''
  local record = p.crashes .. '|' .. p.mask .. '||' .. p.charges
  if happened then entry[#entry + 1] = 'p'; entry[#entry + 1] = record end
  local moved = redis.call(unpack(entry))
  if happened then redis.call('HSET', shared_progress, moved, record) end
  end_entry(stream, progress, id)
end
local _, target = addressed(ARGV[2])
local own = target == ARGV[1]
if not own and redis.call('HEXISTS', KEYS[1], target) == 1 then return 0 end
local from = '-'
local pending = redis.pcall('XPENDING', KEYS[2], 'g')
local any_held = not pending.err and pending[1] > 0
if own and any_held then from = '(' .. pending[3] end
local limit = tonumber(ARGV[3])
local found = redis.call('XRANGE', KEYS[2], from, '+', 'COUNT', limit)
for _, entry in ipairs(found) do
  local id = entry[1]
  local p = read_progress(redis.call('HGET', KEYS[3], id))
  if any_held and not own and #redis.call('XPENDING', KEYS[2], 'g', id, id, 1) > 0 then
    p.crashes = p.crashes + 1
    if p.mark ~= '' then p.charges = charge(p.charges, p.mark) end
  end
  to_shared(KEYS[2], KEYS[3], KEYS[4], KEYS[5], id, entry[2], p)
end
if #found == limit then return 1 end
if own then redis.call('SREM', KEYS[8], ARGV[2]) end
if redis.call('XLEN', KEYS[2]) == 0 then
  redis.call('UNLINK', KEYS[2], KEYS[3])
  redis.call('SREM', KEYS[6], ARGV[2])
elseif redis.call('SADD', KEYS[6], ARGV[2]) == 1 then
  redis.call('INCR', KEYS[7])
end
return 0`,
  },
  serving: {
    sha: 'f0a0ad6c12c417563d1cb3f6686bf844d5894f90',
    lua: `#!lua flags=allow-oom
local MOST_INSTANCES = 10000
local answer = {}
local found = redis.pcall('HGETALL', KEYS[2])
if found.err then return answer end
for at = 1, math.min(#found, 2 * MOST_INSTANCES), 2 do
  if redis.call('HEXISTS', KEYS[1], found[at]) == 1 then
    answer[#answer + 1] = found[at]
    answer[#answer + 1] = found[at + 1]
  else
    redis.call('HDEL', KEYS[2], found[at])
  end
end
return answer`,
  },
  settle: {
    sha: 'e7ecc204085d4857fab27ccc0e6bb7bd615a19a2',
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
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function change_level(level, messages, bytes)
  if messages ~= 0 and redis.call('HINCRBY', level, 'messages', messages) < 0 then redis.call('HSET', level, 'messages', 0) end
  if bytes ~= 0 and redis.call('HINCRBY', level, 'bytes', bytes) < 0 then redis.call('HSET', level, 'bytes', 0) end
  if messages < 0 or bytes < 0 then
    local l = redis.call('HMGET', level, 'line', 'turn')
    if (tonumber(l[1]) or 0) > 0 and (l[2] or '') == '' then give_turn(level) end
  end
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
  stateset: {
    sha: 'd2e4fe1099e8935cc111ba4f4ea7b09a5f19de51',
    lua: `#!lua
local HEAD_LAST_BYTE = 47
local MOST_REVISION = 2 ^ 52
local now
local function microseconds()
  if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return now
end
local function revision_of(text)
  local revision = tonumber(text)
  if revision and revision >= 1 and revision <= MOST_REVISION then return revision end
  return nil
end
local function standing(key)
  local head = redis.pcall('GETRANGE', key, 0, HEAD_LAST_BYTE)
  if type(head) == 'table' then return nil, nil, head end
  if head == '' and redis.call('EXISTS', key) == 0 then return 0 end
  local revision, lifetime = string.match(head, '^([1-9]%d*):(%d+):')
  return revision_of(revision or ''), tonumber(lifetime or '')
end
local function next_revision(before)
  local last = redis.pcall('GET', KEYS[1])
  last = type(last) == 'string' and revision_of(last) or 0
  local revision = math.max(last + 1, before + 1, microseconds())
  if revision >= MOST_REVISION then revision = microseconds() end
  redis.call('SET', KEYS[1], string.format('%.0f', revision), 'PX', 86400000)
  return revision
end
local verbs = {}
function verbs.get(key, renew)
  local entry = redis.pcall('GET', key)
  if renew == '1' and type(entry) == 'string' then
    local lifetime = string.match(string.sub(entry, 1, HEAD_LAST_BYTE + 1), '^[1-9]%d*:([1-9]%d*):')
    if lifetime then redis.pcall('PEXPIRE', key, lifetime) end
  end
  return entry
end
function verbs.set(key, when, lifetime, body)
  local revision, _, failure = standing(key)
  if failure then return failure end
  if when == 'absent' or when == 'present' then
    if (revision == 0) ~= (when == 'absent') then return 0 end
  elseif when ~= '' then
    if not revision then return '!' end
    if revision ~= tonumber(when) then return { redis.call('GET', key) } end
  end
  revision = next_revision(revision or 0)
  local entry = string.format('%.0f', revision) .. ':' .. lifetime .. ':' .. body
  if lifetime == '0' then redis.call('SET', key, entry) else redis.call('SET', key, entry, 'PX', lifetime) end
  return revision
end
function verbs.delete(key) return redis.call('UNLINK', key) end
function verbs.ttl(key) return redis.call('PTTL', key) end
function verbs.touch(key, lifetime)
  if lifetime ~= '' then return redis.call('PEXPIRE', key, lifetime) end
  local revision, own, failure = standing(key)
  if failure then return failure end
  if revision == 0 then return 0 end
  if not revision then return '!' end
  if own > 0 then return redis.pcall('PEXPIRE', key, string.format('%.0f', own)) end
  return 1
end
function verbs.check() return 1 end
local function hindrance()
  for i = 2, #KEYS do
    local at = 4 * (i - 2) + 2
    if ARGV[at] ~= 'delete' then
      local revision, _, failure = standing(KEYS[i])
      if failure then return failure end
      if ARGV[at] == 'check' and revision ~= tonumber(ARGV[at + 1]) then return { i - 2, revision or '!' } end
    end
  end
  return nil
end
local function carry_out()
  if ARGV[1] == 'all' then
    local found = hindrance()
    if found then return found end
  end
  local answers = {}
  for i = 2, #KEYS do
    local at = 4 * (i - 2) + 2
    answers[i - 1] = verbs[ARGV[at]](KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end
  return ARGV[1] == 'all' and { answers } or answers
end
return carry_out()`,
  },
  stateuse: {
    sha: '2cc70d9ce558bdecaf3a920972831122c32fc790',
    lua: `#!lua flags=allow-oom
local HEAD_LAST_BYTE = 47
local MOST_REVISION = 2 ^ 52
local now
local function microseconds()
  if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) * 1000000 + tonumber(time[2])
  end
  return now
end
local function revision_of(text)
  local revision = tonumber(text)
  if revision and revision >= 1 and revision <= MOST_REVISION then return revision end
  return nil
end
local function standing(key)
  local head = redis.pcall('GETRANGE', key, 0, HEAD_LAST_BYTE)
  if type(head) == 'table' then return nil, nil, head end
  if head == '' and redis.call('EXISTS', key) == 0 then return 0 end
  local revision, lifetime = string.match(head, '^([1-9]%d*):(%d+):')
  return revision_of(revision or ''), tonumber(lifetime or '')
end
local function next_revision(before)
  local last = redis.pcall('GET', KEYS[1])
  last = type(last) == 'string' and revision_of(last) or 0
  local revision = math.max(last + 1, before + 1, microseconds())
  if revision >= MOST_REVISION then revision = microseconds() end
  redis.call('SET', KEYS[1], string.format('%.0f', revision), 'PX', 86400000)
  return revision
end
local verbs = {}
function verbs.get(key, renew)
  local entry = redis.pcall('GET', key)
  if renew == '1' and type(entry) == 'string' then
    local lifetime = string.match(string.sub(entry, 1, HEAD_LAST_BYTE + 1), '^[1-9]%d*:([1-9]%d*):')
    if lifetime then redis.pcall('PEXPIRE', key, lifetime) end
  end
  return entry
end
function verbs.set(key, when, lifetime, body)
  local revision, _, failure = standing(key)
  if failure then return failure end
  if when == 'absent' or when == 'present' then
    if (revision == 0) ~= (when == 'absent') then return 0 end
  elseif when ~= '' then
    if not revision then return '!' end
    if revision ~= tonumber(when) then return { redis.call('GET', key) } end
  end
  revision = next_revision(revision or 0)
  local entry = string.format('%.0f', revision) .. ':' .. lifetime .. ':' .. body
  if lifetime == '0' then redis.call('SET', key, entry) else redis.call('SET', key, entry, 'PX', lifetime) end
  return revision
end
function verbs.delete(key) return redis.call('UNLINK', key) end
function verbs.ttl(key) return redis.call('PTTL', key) end
function verbs.touch(key, lifetime)
  if lifetime ~= '' then return redis.call('PEXPIRE', key, lifetime) end
  local revision, own, failure = standing(key)
  if failure then return failure end
  if revision == 0 then return 0 end
  if not revision then return '!' end
  if own > 0 then return redis.pcall('PEXPIRE', key, string.format('%.0f', own)) end
  return 1
end
function verbs.check() return 1 end
local function hindrance()
  for i = 2, #KEYS do
    local at = 4 * (i - 2) + 2
    if ARGV[at] ~= 'delete' then
      local revision, _, failure = standing(KEYS[i])
      if failure then return failure end
      if ARGV[at] == 'check' and revision ~= tonumber(ARGV[at + 1]) then return { i - 2, revision or '!' } end
    end
  end
  return nil
end
local function carry_out()
  if ARGV[1] == 'all' then
    local found = hindrance()
    if found then return found end
  end
  local answers = {}
  for i = 2, #KEYS do
    local at = 4 * (i - 2) + 2
    answers[i - 1] = verbs[ARGV[at]](KEYS[i], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3])
  end
  return ARGV[1] == 'all' and { answers } or answers
end
return carry_out()`,
  },
  topicattach: {
    sha: '61c42ce510427bd6f649d26e1f42481d0c04b62b',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local function cursor_since(log, since)
  local first = redis.call('XRANGE', log, since, '+', 'COUNT', 1)[1]
  if not first then return '' end
  local ms, total = string.match(first[1], '^%d+'), total_of(first[1])
  if total == 0 then return exact(tonumber(ms) - 1) .. '-18446744073709551615' end
  return ms .. '-' .. exact(total - 1)
end
local facts, groups, names = read_topic(KEYS[2])
if not facts then return redis.error_reply('WRONGTYPE the key of the topic holds another type') end
local group = groups[ARGV[3]]
if ARGV[5] == '1' and not group then return 'absent' end
if not group and is_gone(KEYS[5], ARGV[6]) then return 'absent' end
if not group and #names >= MOST_GROUPS then return 'crowded' end
if not group or ARGV[5] == '1' then
  group = group or { pattern = '', at = 0 }
  group.floor = tonumber(facts.total) or 0
  group.cursor = ARGV[4] == '' and '' or cursor_since(KEYS[3], ARGV[4])
  write_group(KEYS[2], ARGV[3], group)
  redis.call('ZADD', KEYS[4], 0, ARGV[2])
end
return group.cursor == '' and 'live' or 'filling'`,
  },
  topicdrop: {
    sha: '7d36099c8475e232ce1fb0bdfd0c79d8d4dfe2ef',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local known = redis.call('HEXISTS', KEYS[2], 'g:' .. ARGV[4])
if known == 1 and ARGV[5] == '1' then return 0 end
if ARGV[5] ~= '1' then redis.call('SET', KEYS[3], exact(now_ms(redis.call('TIME'))), 'PX', DROPPED_MS) end
local lost = drop_group(ARGV[2], KEYS[2], ARGV[3], ARGV[4])
return known == 1 and lost or 0`,
  },
  topicfill: {
    sha: '3e337cb74f5a918eef32d7c7e60ed155aac9aca0',
    lua: `#!lua
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local TURN_MS = 1000
local MOST_IN_LINE = 10000
local MOST_FORFEIT = 100
local function turn_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local function line_key(level)
  local prefix, name = string.match(level, '^(.*}:)level:(.+)$')
  return prefix .. 'line:' .. name, prefix, name
end
local function drop_first(level, line)
  redis.call('LPOP', line)
  redis.call('HINCRBY', level, 'line', -1)
  redis.call('HSET', level, 'turn', '')
end
local function give_turn(level)
  local line, prefix, name = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return
    end
    if redis.call('HEXISTS', prefix .. 'members', first) == 1 then
      redis.call('HSET', level, 'turn', string.format('%.0f', turn_ms()))
      redis.call('XADD', prefix .. 'inbox:' .. first, 'NOMKSTREAM', '*', 'r', name)
      return
    end
    drop_first(level, line)
  end
end
local function is_behind(members, level, node, turn, room)
  local line = line_key(level)
  for _ = 1, MOST_FORFEIT do
    local first = redis.call('LINDEX', line, 0)
    if not first then
      redis.call('HDEL', level, 'line', 'turn')
      return false
    end
    if first == node then return false end
    local since = tonumber(turn or '')
    local late = since and turn_ms() - since > TURN_MS
    if not late and redis.call('HEXISTS', members, first) == 1 then
      if not since and room then give_turn(level) end
      return true
    end
    drop_first(level, line)
    turn = ''
  end
  return true
end
local function stand_in_line(level, node)
  local line = line_key(level)
  local place = redis.call('LPOS', line, node)
  if place == 0 then redis.call('HSET', level, 'turn', '') end
  if place or redis.call('LLEN', line) >= MOST_IN_LINE then return end
  redis.call('RPUSH', line, node)
  redis.call('HINCRBY', level, 'line', 1)
end
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local MAX_LENGTH = 1000000
local MAX_BYTES = 1073741824
local MOST_ASKED = 256
local function repeated(sent, mailbox, number)
  local last = redis.call('HGET', sent, mailbox)
  if not last then return nil end
  local last_number, id = string.match(last, '^(%d+) (.+)$')
  if last_number and tonumber(number) <= tonumber(last_number) then return id end
  return nil
end
local function is_empty(members, stream, due, orphans)
  if redis.call('XLEN', stream) > 0 or redis.call('EXISTS', due) == 1 or redis.call('SCARD', orphans) > 0 then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_ASKED then return false end
  for i = 1, #ids do
    if redis.call('XLEN', stream .. '>' .. ids[i]) > 0 then return false end
  end
  return true
end
local function fullness(members, level, stream, due, orphans, count, size, anybody, node, patient)
  local l = redis.call('HMGET', level, 'messages', 'bytes', 'maxLength', 'maxBytes', 'hints', 'line', 'turn', 'partitions', 'sealed')
  if anybody and l[8] then return { tonumber(l[8]) } end
  if anybody and l[9] and now_ms(redis.call('TIME')) < tonumber(l[9]) then return { 0 } end
  local messages, bytes = tonumber(l[1]) or 0, tonumber(l[2]) or 0
  local max_length, max_bytes = tonumber(l[3]) or MAX_LENGTH, tonumber(l[4]) or MAX_BYTES
  local in_line = (tonumber(l[6]) or 0) > 0
  patient = patient and (count > 1 or size <= max_bytes)
  if in_line and is_behind(members, level, node, l[7], messages < max_length and bytes < max_bytes) then
    if patient then stand_in_line(level, node) end
    return { 0, messages, bytes, max_length, max_bytes }
  end
  if messages + count <= max_length and bytes + size <= max_bytes then
    if in_line then leave_line(level) end
    return nil, messages + count, bytes + size, l[5]
  end
  if (messages > 0 or bytes > 0) and is_empty(members, stream, due, orphans) then
    messages, bytes = 0, 0
    if count <= max_length and size <= max_bytes then
      if in_line then leave_line(level) end
      return nil, count, size, l[5]
    end
  end
  if patient then stand_in_line(level, node) end
  local room = math.min(max_length - messages, math.floor((max_bytes - bytes) * count / math.max(1, size)))
  return { math.max(0, room), messages, bytes, max_length, max_bytes }
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local text = redis.call('HGET', KEYS[2], 'g:' .. ARGV[2])
if not text then return 'absent' end
local group = read_group(text)
if group.cursor == '' then return 'done' end
redis.call('XLEN', KEYS[4])
local most = tonumber(ARGV[3])
local found = redis.call('XRANGE', KEYS[3], '(' .. group.cursor, '+', 'COUNT', most)
local answer = #found < most and 'done' or 'more'
for i = 1, #found do
  local fields = found[i][2]
  local frame, count = fields[2], tonumber(fields[4])
  if frame and count then
    local full, messages, bytes = fullness(KEYS[1], KEYS[5], KEYS[4], KEYS[6], KEYS[7], count, #frame, false, ARGV[1], false)
    if full then
      answer = 'full'
      break
    end
    redis.call('XADD', KEYS[4], '*', 'f', frame, 'n', count)
    redis.call('HSET', KEYS[5], 'messages', messages, 'bytes', bytes)
  end
  group.cursor = found[i][1]
end
if answer == 'done' then group.cursor = '' end
write_group(KEYS[2], ARGV[2], group)
return answer`,
  },
  topiclapse: {
    sha: '7d6977fdc3699dca53809b9c8dc1e30270acf2e6',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local FORGOTTEN_MS = 86400000
local UNTOLD_MS = 10000
local prefix, most = ARGV[2], tonumber(ARGV[4])
local now = now_ms(redis.call('TIME'))
local known = redis.call('ZRANGE', KEYS[2], ARGV[3] == '' and '-' or '(' .. ARGV[3], '+', 'BYLEX', 'LIMIT', 0, most)
local dropped, filling = {}, {}
for i = 1, #known do
  local topic, log = prefix .. 'topic:' .. known[i], prefix .. 'topiclog:' .. known[i]
  local facts, groups, names = read_topic(topic)
  facts = facts or { at = now }
  local most_messages, most_bytes, most_ms, log_ms = string.match(facts.bounds or '', '^(%d+) (%d+) (%d+) (%S+)$')
  local left, is_filled = #names, false
  for _, group in ipairs(names) do
    local mailbox = 'topic.' .. known[i] .. '@' .. group
    if groups[group].cursor ~= '' then filling[#filling + 1] = { known[i], group }; is_filled = true end
    if most_messages and is_forgotten(KEYS[1], prefix, mailbox, groups[group], now) then
      local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
      local first = redis.pcall('XRANGE', prefix .. 'mailbox:' .. mailbox, '-', '+', 'COUNT', 1)
      local at = not first.err and first[1] and tonumber(string.match(first[1][1], '^%d+')) or now
      local messages, bytes = 0, 0
      if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
      if messages > tonumber(most_messages) or bytes > tonumber(most_bytes) or now - at > tonumber(most_ms) then
        dropped[#dropped + 1] = forget_group(prefix, topic, known[i], group, now)
        left = left - 1
      end
    end
  end
  for field, text in pairs(facts) do
    local group = string.match(field, '^x:(.+)$')
    local messages, bytes, dead, at_ms = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
    if group and at_ms and now - tonumber(at_ms) > UNTOLD_MS then
      dropped[#dropped + 1] = { known[i], group, tonumber(messages), tonumber(bytes), tonumber(dead) }
    end
  end
  if tonumber(log_ms) and not is_filled then redis.pcall('XTRIM', log, 'MINID', exact(now - tonumber(log_ms))) end
  if left == 0 and redis.call('EXISTS', log) == 0 and now - (tonumber(facts.at) or 0) > FORGOTTEN_MS then
    redis.call('UNLINK', topic)
    redis.call('ZREM', KEYS[2], known[i])
  end
end
return { #known == most and known[most] or '', dropped, filling }`,
  },
  topicpattern: {
    sha: 'cbe9ea22b9d5acdc97363374dc2a78e9c3036444',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local MOST_SEGMENTS = 64
local MOST_PATTERNS = 1024
local function matches(pattern, topic)
  local p, t = 1, 1
  for _ = 1, MOST_SEGMENTS do
    if p > #pattern or t > #topic then return p > #pattern and t > #topic end
    local p_end = string.find(pattern, '.', p, true) or #pattern + 1
    local word = string.sub(pattern, p, p_end - 1)
    if word == '>' then return true end
    local t_end = string.find(topic, '.', t, true) or #topic + 1
    if word ~= '*' and word ~= string.sub(topic, t, t_end - 1) then return false end
    p, t = p_end + 1, t_end + 1
  end
  return false
end
if is_gone(KEYS[4], ARGV[7]) then return 'absent' end
local field = ARGV[3] .. ' ' .. ARGV[4]
if redis.call('HEXISTS', KEYS[3], field) == 0 then
  if #redis.call('HKEYS', KEYS[3]) >= MOST_PATTERNS then return 'crowded' end
  redis.call('HSET', KEYS[3], field, '1')
end
local now = now_ms(redis.call('TIME'))
local most = tonumber(ARGV[6])
local known = redis.call('ZRANGE', KEYS[2], ARGV[5] == '' and '-' or '(' .. ARGV[5], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }
for i = 1, #known do
  if matches(ARGV[3], known[i]) then
    local topic = ARGV[2] .. 'topic:' .. known[i]
    local facts, groups, names = read_topic(topic)
    if facts and not groups[ARGV[4]] and #names < MOST_GROUPS then
      groups[ARGV[4]] = { cursor = '', floor = tonumber(facts.total) or 0, pattern = ARGV[3], at = now }
      write_group(topic, ARGV[4], groups[ARGV[4]])
    end
    if groups[ARGV[4]] then answer[#answer + 1] = known[i] end
  end
end
return answer`,
  },
  topicquit: {
    sha: 'd882a98d77c9ab6e642dc17da7c327af6e0de160',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local held = redis.pcall('XPENDING', KEYS[3], 'g', '-', '+', 1, ARGV[1])
if not held.err and #held > 0 then return 0 end
redis.call('SREM', KEYS[2], ARGV[2])
return 1`,
  },
  topics: {
    sha: 'f1c34ef155a1ce0602db19ee6ee987eaae970f0a',
    lua: `#!lua flags=no-writes
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
local prefix, most = ARGV[1], tonumber(ARGV[3])
local known = redis.call('ZRANGE', KEYS[1], ARGV[2] == '' and '-' or '(' .. ARGV[2], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }
local function length(stream)
  local found = redis.pcall('XLEN', stream)
  return type(found) == 'number' and found or 0
end
for i = 1, #known do
  local facts, groups, names = read_topic(prefix .. 'topic:' .. known[i])
  facts = facts or {}
  local one = { known[i], tonumber(facts.total) or 0, length(prefix .. 'topiclog:' .. known[i]), tonumber(facts.dropped) or 0 }
  for _, group in ipairs(names) do
    local mailbox = 'topic.' .. known[i] .. '@' .. group
    local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
    if level.err then level = {} end
    one[#one + 1] = {
      group, groups[group].cursor == '' and '' or '1', groups[group].pattern, tonumber(level[1]) or 0,
      tonumber(level[2]) or 0, length(prefix .. 'dead:' .. mailbox),
    }
  end
  answer[#answer + 1] = one
end
return answer`,
  },
  topicunpattern: {
    sha: 'a0f354bf9d78a253800385a5a1f60b60d8f94c24',
    lua: `#!lua flags=allow-oom
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 'not-member' end
local function now_ms(time)
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
local GONE_MS = 86400000
local TAKEN_UP_MS = 30000
local DROPPED_MS = 86400000
local function exact(number)
  return string.format('%.0f', number)
end
local function read_group(text)
  local cursor, floor, pattern, at = string.match(text, '^([%d-]*)|(%d+)|([^|]*)|?(%d*)$')
  if not cursor then return { cursor = '', floor = 0, pattern = '', at = 0 } end
  return { cursor = cursor, floor = tonumber(floor), pattern = pattern, at = tonumber(at) or 0 }
end
local function write_group(topic, group, state)
  redis.call('HSET', topic, 'g:' .. group, table.concat({ state.cursor, exact(state.floor), state.pattern, exact(state.at) }, '|'))
end
local function read_topic(topic)
  local flat = redis.pcall('HGETALL', topic)
  if flat.err then return nil, {}, {} end
  local facts, groups, names = {}, {}, {}
  for at = 1, #flat, 2 do
    local group = string.match(flat[at], '^g:(.+)$')
    if not group then
      facts[flat[at]] = flat[at + 1]
    elseif #names < MOST_GROUPS then
      groups[group] = read_group(flat[at + 1])
      names[#names + 1] = group
    end
  end
  return facts, groups, names
end
local function total_of(id)
  return tonumber(string.match(id, '-(%d+)$')) or 0
end
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
redis.call('SET', KEYS[4], exact(now_ms(redis.call('TIME'))), 'PX', DROPPED_MS)
redis.call('HDEL', KEYS[3], ARGV[3] .. ' ' .. ARGV[4])
local most = tonumber(ARGV[6])
local known = redis.call('ZRANGE', KEYS[2], ARGV[5] == '' and '-' or '(' .. ARGV[5], '+', 'BYLEX', 'LIMIT', 0, most)
local answer = { #known == most and known[most] or '' }
for i = 1, #known do
  local topic = ARGV[2] .. 'topic:' .. known[i]
  local text = redis.pcall('HGET', topic, 'g:' .. ARGV[4])
  if type(text) == 'string' and read_group(text).pattern == ARGV[3] then
    answer[#answer + 1] = drop_group(ARGV[2], topic, known[i], ARGV[4])
  end
end
return answer`,
  },
  unprobe: {
    sha: '8a812a5583a88e3cfd9894d51ad3f02c39b039a7',
    lua: `#!lua flags=allow-oom
if redis.call('HGET', KEYS[1], 'lease') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'lease', '', 'leaseUntil', '0')
return 1`,
  },
};
