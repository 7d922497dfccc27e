-- Entries of shared state: `<revision>:<what it was set with, ms; 0 = for ever>:<body>`.
-- KEYS[1] is the revision of the space, the key of operation n is KEYS[n + 1]; ARGV[1] is how, and of each operation four
-- follow: verb and three of its own ('' where it has fewer).
local HEAD_LAST_BYTE = 47
-- Beyond it, it is none of ours: in microseconds, the year 2112.
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

-- Revision (0 = nothing stands there, nil = it is no entry), what it was set with, failure.
local function standing(key)
  local head = redis.pcall('GETRANGE', key, 0, HEAD_LAST_BYTE)
  if type(head) == 'table' then return nil, nil, head end
  if head == '' and redis.call('EXISTS', key) == 0 then return 0 end
  local revision, lifetime = string.match(head, '^([1-9]%d*):(%d+):')
  return revision_of(revision or ''), tonumber(lifetime or '')
end

-- Microseconds, or one more than the last of the space: it grows over what is gone, a lost counter and a clock set back.
local function next_revision(before)
  local last = redis.pcall('GET', KEYS[1])
  last = type(last) == 'string' and revision_of(last) or 0
  local revision = math.max(last + 1, before + 1, microseconds())
  -- Somebody else wrote one that leaves no room.
  if revision >= MOST_REVISION then revision = microseconds() end
  -- The clock takes over from it when it is forgotten.
  redis.call('SET', KEYS[1], string.format('%.0f', revision), 'PX', 86400000)
  return revision
end

local verbs = {}

-- renew ('1' or '')
function verbs.get(key, renew)
  local entry = redis.pcall('GET', key)
  if renew == '1' and type(entry) == 'string' then
    local lifetime = string.match(string.sub(entry, 1, HEAD_LAST_BYTE + 1), '^[1-9]%d*:([1-9]%d*):')
    if lifetime then redis.pcall('PEXPIRE', key, lifetime) end
  end
  return entry
end

-- when ('' = in any case, 'absent', 'present', a revision), time to live ms (0 = for ever), body
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

-- time to live ms ('' = what it was set with)
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

-- What stands in the way of all of them: {position, revision | '!' = no entry}, or a failure.
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
