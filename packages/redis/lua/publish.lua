#!lua
-- Publishes one frame: a copy into the mailbox of every group, and one into the log.
-- GUARANTEE  all of that or nothing; a producer's number is accepted once; a mailbox never exceeds its limits; refused on a
--            full server. A group that nobody serves and that is beyond the retention is dropped, rather than full. A group
--            that is being filled finds the frame in the log. Who was attached by a pattern has the first frame, too.
-- KEYS       1 members, 2 sent of the node, 3 topic, 4 its log, 5 topics, 6 patterns, 7 due, 8 orphans
-- ARGV       1 node id, 2 lane prefix, 3 topic, 4 number, 5 count, 6 frame, 7 most messages, 8 bytes, 9 ms of the retention,
--            10 most messages, 11 ms of the log ('' = without bound), 12 '1' = there is a log
-- RETURNS    {'', {group that a pattern attached, ...}, {hints, ...}, {dropped, ...}} | {group, {room, messages, bytes,
--            maxLength, maxBytes}, {}, {dropped, ...}} when that is full | 'not-member'; dropped: {topic, group, messages, bytes, dead}
-- RUN TWICE  {'', {}, {}, {}}.
-- @include fence
-- @include time
-- @include line
-- @include admit
-- @include topic
-- @include topic-pattern
-- Each frame makes one entry of the log, so that this keeps up.
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

-- First all that may fail or refuse is asked, then all is written.
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
    -- What came since it was attached counts as waiting in it, or its log would grow as long as it is slow.
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
  -- Whoever took the topic's numbers away has left a log that nobody can go on with.
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
return { '', attached, hints, dropped }
