#!lua flags=allow-oom
-- Carries out one change of an alert.
-- GUARANTEE  slot, timer, claims, archive and log are one step; a change that expects another revision writes nothing.
-- KEYS       1 alerts, 2 alerts:due, 3 alerts:archive, 4 alerts:log, 5 alerts:seq
-- ARGV       1 fingerprint, 2 expected revision (0 = the slot is empty), 3 alert id as JSON, 4 body as JSON ('' = empty the
--            slot), 5 due at ms ('' = never), 6 event, 7 archived body as JSON ('' = none), 8 keep it for ms,
--            9 ended at ms ('' = now), 10 beginning of the claims' keys
-- RETURNS    {revision}, or the slot that stands ('' = it is empty)
-- RUN TWICE  the slot as the first run left it.
-- @include time
-- @include news
-- @include healing
local LOG_KEPT = 5000
local LARGEST_TOLD = 32768
local MOST_ARCHIVED = 100000
local MOST_TRIMMED = 100
local HIGHEST_REVISION = 9007199254740990

-- What no revision can be read of is no slot: the next change fills it.
local slot = healing('HGET', KEYS[1], ARGV[1]) or ''
local revision = tonumber(string.match(slot, '^(%d+):')) or 0
if revision > HIGHEST_REVISION then revision = 0 end
if revision ~= tonumber(ARGV[2]) then return revision > 0 and slot or '' end

local number = next_number(KEYS[5])
-- No slot has changed more often than the log has grown: whoever judged by a former filling meets a conflict.
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

-- Removes the oldest of the archive, not too many in one step.
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
  -- Who is not told a large one reads it.
  told = #ARGV[4] <= LARGEST_TOLD and '{"revision":' .. changed .. ',"body":' .. ARGV[4] .. '}' or 'null'
end
put_item(KEYS[4], LOG_KEPT, number, ARGV[6], ARGV[1], told)
return { changed }
