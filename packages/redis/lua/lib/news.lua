-- What every node is told: streams of numbered items, body as JSON ('' = none). No stream of them is a mailbox: who has
-- not read what was trimmed reads everything anew. A key that somebody overwrote heals.
local NEWS_KEPT = 1000

local function next_number(seq)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  return string.format('%.0f', number)
end

-- Answers the id of the entry.
local function put_item(stream, kept, number, kind, id, body)
  local entry = { 'XADD', stream, 'MAXLEN', '~', kept, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', stream)
    added = redis.call(unpack(entry))
  end
  return added
end

-- Tells one item of news. Answers the id of its entry and its number.
local function tell(news, seq, kind, id, body)
  local number = next_number(seq)
  return put_item(news, NEWS_KEPT, number, kind, id, body), number
end

-- A report as news. A large one is left out: who needs it reads it, and a thousand of them do not fill the server.
local LARGEST_REPORT_TOLD = 16384

local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
