-- A shared breaker: the same sums as breaker-state.ts and breaker-window.ts of core. Its hash holds one field for each
-- number and text, `window` as msgpack of {windowMs, {at, successes, failures, ...}, {node, at, ...}}, and the lease of
-- the probe. What cannot be read counts as not there.
local FOREVER = 9007199254740991
local STEPS = 10
-- Nodes that a window remembers as having seen failures: the latest ones, no fewer than a quorum asks for, nor than this
-- for when it will ask for more.
local LEAST_FAILING = 16
local MOST_FAILING = 1000
-- Buckets that are read: ten, and what another length of window left behind.
local MOST_BUCKETS = 100
-- A breaker that nobody told of an outcome for this long is forgotten; an open one as long after its end, ms.
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

-- The breaker that is kept, or a new one.
local function read_breaker(key, name, now)
  local stored = redis.pcall('HMGET', key, unpack(FIELDS))
  local breaker = new_breaker(name, now)
  if stored.err then
    -- Something else lies there: it makes room for the breaker.
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

-- Opens it; row and window stay as the evidence.
local function open(breaker, policy, now, by, reason)
  turn(breaker, 'open', now, by, reason)
  breaker.openings, breaker.rampUntil = breaker.openings + 1, 0
  breaker.openUntil = now + math.min(policy.max_open_ms, policy.open_ms * 2 ^ (breaker.openings - 1))
end

-- Takes note of what has come to its end by itself.
local function catch_up(breaker, now)
  if breaker.manual and breaker.openUntil <= now then
    close(breaker, breaker.openUntil, breaker.by, 'its time is over')
  elseif breaker.phase == 'closed' then
    if breaker.openings > 0 and breaker.rampUntil <= now then breaker.openings, breaker.rampUntil = 0, 0 end
  elseif breaker.lease ~= '' and breaker.leaseUntil <= now then
    breaker.lease, breaker.leaseUntil = '', 0
  end
end

-- The breaker as everybody sees it, JSON by hand: cjson rounds long numbers.
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

-- Keeps it, for as long as it is of use. Answers its state.
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

-- Names it for whoever lists them all, and tells everybody where it has turned since `changes`.
local function publish(index, news, seq, breaker, changes, state)
  if breaker.changes == changes then return end
  redis.call('ZADD', index, 0, breaker.name)
  tell(news, seq, 'breaker', breaker.name, state)
end
