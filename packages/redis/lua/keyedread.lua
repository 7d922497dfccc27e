#!lua flags=no-writes
-- Reads a page of a partition's log, with what is known of its entries.
-- GUARANTEE  only for the owner; changes nothing. A cursor that lies behind the log's end (its tail was lost) begins anew.
-- KEYS       1 members, 2 owners, 3 log, 4 progress, 5 kept
-- ARGV       1 node id, 2 partition, 3 read behind this id ('' = from the first), 4 most entries, 5 '1' = compare the cursor with the end
-- RETURNS    {'1' when it began anew, entries as {id, fields, progress record or '', and of what is kept: name, value, ...}}
--            | 'not-owner' | 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include owner
-- @include kept
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
return { anew, found }
