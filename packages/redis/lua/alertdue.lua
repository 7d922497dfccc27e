#!lua flags=allow-oom
-- Reads which alerts somebody has to look at.
-- GUARANTEE  soonest first; a timer stays until a change asks for another or none; one without its alert goes.
-- KEYS       1 alerts:due, 2 alerts
-- ARGV       1 now ms, 2 most of them
-- RETURNS    {when the next one comes after these ('' = there is none), fingerprint, ...}
-- RUN TWICE  same answer.
-- @include healing
local most = tonumber(ARGV[2])
local timers = healing('ZRANGE', KEYS[1], '-inf', '+inf', 'BYSCORE', 'LIMIT', 0, most + 1, 'WITHSCORES')
local answer, strays = { '' }, 0
for i = 1, #timers, 2 do
  if tonumber(timers[i + 1]) > tonumber(ARGV[1]) or #answer > most then
    answer[1] = timers[i + 1]
    break
  end
  if healing('HEXISTS', KEYS[2], timers[i]) == 1 then
    answer[#answer + 1] = timers[i]
  else
    redis.call('ZREM', KEYS[1], timers[i])
    strays = strays + 1
  end
end
-- Behind the strays there may be others.
if strays > 0 and answer[1] == '' then answer[1] = ARGV[1] end
return answer
