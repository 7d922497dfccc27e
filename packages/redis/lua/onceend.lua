#!lua flags=allow-oom
-- Ends the run of an id: keeps its answer, or frees the id.
-- GUARANTEE  only the message that is the run ends it, and only from the node that began it; nothing is forgotten of those who wait until
--            they were told. Also on a full server: what it holds was promised when it began.
-- KEYS       1 members, 2 once, 3 oncewaiters
-- ARGV       1 node id, 2 message, 3 state it leaves: r = replied, e = failed, f = free, w = free, wherever it began, 4 answer,
--            5 how long the answer is kept, ms
-- RETURNS    {'ended', those who wait} | {'lost'} = the run is another message, or this one on another node | 'not-member'
-- RUN TWICE  the same again; the answer of the first run stands.
-- @include fence
-- @include once
local known = read_once(redis.call('GET', KEYS[2]))
local frees = ARGV[3] == 'f' or ARGV[3] == 'w'
if known and known.message ~= ARGV[2] then return { 'lost' } end
if known and known.state ~= 'p' then
  if (known.state == 'f') ~= frees then return { 'lost' } end
  return with_waiters({ 'ended' }, KEYS[3])
end
if known and known.node ~= ARGV[1] and ARGV[3] ~= 'w' then return { 'lost' } end
if not frees then
  write_once(KEYS[2], ARGV[3], known and known.kind or 't', ARGV[1], ARGV[2], ARGV[4], ARGV[5])
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
  return with_waiters({ 'ended' }, KEYS[3])
end
if not known then return { 'ended' } end
if redis.call('ZCARD', KEYS[3]) == 0 then
  redis.call('UNLINK', KEYS[2])
else
  redis.call('SET', KEYS[2], 'f ' .. known.kind .. ' ' .. known.node .. ' ' .. known.message .. '\n', 'KEEPTTL')
end
return with_waiters({ 'ended' }, KEYS[3])
