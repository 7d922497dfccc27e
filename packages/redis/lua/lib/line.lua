-- Who stands in line for room in a mailbox, first come first served: a list of members, and beside the level `line`, how
-- many they are, and `turn`, since when (ms) the first may append, empty while it may not. Who does not use its turn for a
-- second has lost its place.
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

-- The first that is a member has its turn. Where too many before it are none, the next append sees to the rest.
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

-- Whether others come before `node`. `turn` as it stands beside the level; `room`: whether anything would fit.
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

-- The first of the line has got its room.
local function leave_line(level)
  drop_first(level, line_key(level))
  give_turn(level)
end
