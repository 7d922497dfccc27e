#!lua flags=allow-oom
-- Changes one shared record.
-- GUARANTEE  record, history and news are one step; the revision grows over removal, too; a change that expects another
--            revision writes nothing.
-- KEYS       1 members, 2 records, 3 history, 4 floor, 5 news, 6 news:seq
-- ARGV       1 node id, 2 family, 3 name, 4 name as JSON, 5 body as JSON ('' = remove it), 6 expected revision ('' = any),
--            7 time to live ms ('' = for ever), 8 who does this as JSON
-- RETURNS    the record, or {revision of the record that stands} | 'not-member'
-- RUN TWICE  changes it again, unless it expects a revision.
-- @include fence
-- @include time
-- @include news
local HISTORY_KEPT = 1000
-- A removed record is remembered for a day, for its revision; the floor remembers the highest of those forgotten.
local REMEMBERED_MS = 86400000
local LOOKED_OVER = 3

local now = now_ms(redis.call('TIME'))

-- The revision of a stored record, and since when it is void (nil = it stands, 0 = it cannot be read).
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

-- Each change may add one name; so it forgets a few.
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
return record
