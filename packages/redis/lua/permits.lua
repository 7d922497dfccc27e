#!lua flags=allow-oom
-- Draws retries from the budget of a service: the same sums as retry-bucket.ts of core.
-- GUARANTEE  what all nodes are granted together stays within what their first tries and the time have earned.
-- KEYS       1 retries
-- ARGV       1 first tries, 2 retries wanted, 3 retries each first try earns, 4 retries a second that are earned by time,
--            5 seconds over which unused budget is kept
-- RETURNS    {how many are granted, number of the slot of the first of them}
-- RUN TWICE  drawn twice: the budget is the poorer for it until time has made it good.
-- @include time
local function number(value) return tonumber(value or '') or 0 end

-- {second, retries, second, retries, ...}, oldest first; what cannot be read has earned nothing.
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
-- What was earned in parts may lack the last digit of a whole one.
local granted = math.min(tonumber(ARGV[2]), math.floor(held + 1e-9))
-- What goes soonest is spent first.
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
-- After as long nothing that was earned is left, and what time earns is back; the round begins anew.
redis.call('PEXPIRE', KEYS[1], 2000 * tonumber(ARGV[5]))
return { granted, before }
