-- Tells every node one item of news, body as JSON ('' = none). Answers the id of its entry and its number. The stream is
-- no mailbox: who has not read the last thousand items reads everything anew. A key that somebody overwrote heals.
local NEWS_KEPT = 1000

local function tell(news, seq, kind, id, body)
  local number = redis.pcall('INCR', seq)
  if type(number) ~= 'number' then
    redis.call('SET', seq, '1')
    number = 1
  end
  number = string.format('%.0f', number)
  local entry = { 'XADD', news, 'MAXLEN', '~', NEWS_KEPT, '*', 'k', kind, 'i', id, 'q', number, 'b', body }
  local added = redis.pcall(unpack(entry))
  if type(added) == 'table' and added.err then
    redis.call('UNLINK', news)
    added = redis.call(unpack(entry))
  end
  return added, number
end

-- A report as news. A large one is left out: who needs it reads it, and a thousand of them do not fill the server.
local LARGEST_REPORT_TOLD = 16384

local function tell_report(news, seq, kind, id, report)
  return tell(news, seq, kind, id, #report <= LARGEST_REPORT_TOLD and report or '')
end
