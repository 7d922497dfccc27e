#!lua flags=allow-oom
-- Shares places between nodes: the same sums as places.ts of core.
-- GUARANTEE  all members together have no more places than there are; who is no member has none.
-- KEYS       1 members, then per limit its places
-- ARGV       1 node id, 2 how many limits, then per limit: places in all, how many the node uses, how many it could use
-- RETURNS    per limit how many the node may use from now on; or 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include healing
-- More nodes than that do not serve one actor: the others' places are looked at another time.
local MOST_NODES = 1000
-- Who says more wrote it by hand.
local MOST_PLACES = 1000000

-- What members but this one have and wish; whoever is gone is forgotten.
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

-- How many of the places are this node's by right: an equal part, and of what others do not want. What cannot be divided
-- goes round.
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
-- Bounded: a caller asks for 128 at most.
for i = 1, math.min(128, tonumber(ARGV[2])) do
  local key = KEYS[i + 1]
  local max, using, wished = tonumber(ARGV[3 * i]), tonumber(ARGV[3 * i + 1]), tonumber(ARGV[3 * i + 2])
  local stakes, held = others_of(key)
  stakes[#stakes + 1] = { ARGV[1], wished }
  local allowed = math.max(0, math.min(fair_share(max, stakes, turn), max - held))
  if allowed > 0 or wished > 0 then
    redis.call('HSET', key, ARGV[1], string.format('%.0f %.0f', math.max(using, allowed), wished))
    -- Nodes that use it say so now and then.
    redis.call('PEXPIRE', key, 3600000)
  else
    redis.call('HDEL', key, ARGV[1])
  end
  answer[i] = allowed
end
return answer
