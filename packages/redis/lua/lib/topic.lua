-- A topic: a hash with `total` (messages ever), `at` (ms of the last), `logged` (ms of the last entry of its log),
-- `bounds` (messages, bytes and ms of the retention, ms of the log or '-'), `dropped` (groups), `x:<group>` → `messages bytes
-- dead ms` of one that was forgotten until somebody has told of it, and for each group
-- `g:<group>` → `cursor|floor|pattern|at`. With a cursor the group is being filled: it has what is in the log up to there;
-- `floor` is the total it began at; `at`, when its pattern attached it (ms). An entry of the log has the id `ms-total`: found by time, counted by difference.
local MOST_GROUPS = 128
local MOST_NODES_ASKED = 1024
-- What was put aside of a group that was dropped is known as such for so long: a day.
local GONE_MS = 86400000
-- A group that a pattern has attached is served once the nodes of the pattern have heard of the topic; so long it is not forgotten.
local TAKEN_UP_MS = 30000

-- Who serves a group that was dropped by hand has heard of it by then: a day.
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

-- Its facts, its groups by name, and their names; nil when its key is of another type.
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

-- Whether nobody serves the group's mailbox, nor is about to; where there are too many nodes to ask: somebody does.
local function is_forgotten(members, prefix, mailbox, group, now)
  if now - group.at < TAKEN_UP_MS then return false end
  local ids = redis.call('HKEYS', members)
  if #ids > MOST_NODES_ASKED then return false end
  for i = 1, #ids do
    if redis.call('SISMEMBER', prefix .. 'serves:' .. ids[i], mailbox) == 1 then return false end
  end
  return true
end

-- Ends a group with all it has. Answers what is lost with it.
local function drop_group(prefix, topic, name, group)
  local mailbox = 'topic.' .. name .. '@' .. group
  local level = redis.pcall('HMGET', prefix .. 'level:' .. mailbox, 'messages', 'bytes')
  local dead = redis.pcall('XLEN', prefix .. 'dead:' .. mailbox)
  redis.call('UNLINK', prefix .. 'mailbox:' .. mailbox, prefix .. 'level:' .. mailbox, prefix .. 'progress:' .. mailbox,
    prefix .. 'dead:' .. mailbox)
  redis.call('SREM', prefix .. 'orphans', mailbox)
  redis.call('HDEL', topic, 'g:' .. group)
  -- There may be a new group of that name when it is due.
  local last = redis.call('EXISTS', prefix .. 'due') == 1 and redis.call('GET', prefix .. 'due:seq')
  if last then redis.call('SET', prefix .. 'due:gone:' .. mailbox, last, 'PX', GONE_MS) end
  local messages, bytes = 0, 0
  if not level.err then messages, bytes = tonumber(level[1]) or 0, tonumber(level[2]) or 0 end
  return { name, group, messages, bytes, type(dead) == 'number' and dead or 0 }
end

-- Ends a group that is forgotten. The answer may be lost, or who gets it: so it is written down until it has been told.
local function forget_group(prefix, topic, name, group, now)
  local lost = drop_group(prefix, topic, name, group)
  redis.call('HINCRBY', topic, 'dropped', 1)
  local facts = { exact(lost[3]), exact(lost[4]), exact(lost[5]), exact(now) }
  redis.call('HSET', topic, 'x:' .. group, table.concat(facts, ' '))
  return lost
end

-- Whether what stands for it says that it was dropped after the caller began to serve it; who begins now ('') makes it a new one.
local function is_gone(gone, served_since)
  if served_since == '' then
    redis.call('UNLINK', gone)
    return false
  end
  local at = tonumber(redis.pcall('GET', gone))
  return at ~= nil and at >= tonumber(served_since)
end
