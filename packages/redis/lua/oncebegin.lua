#!lua flags=allow-oom
-- A message asks to be the run of an id.
-- GUARANTEE  one message of members is the run at a time; a run whose node is no member is taken over with those who wait for it;
--            no more waiters than allowed. Also on a full server: what waits in mailboxes drains.
-- KEYS       1 members, 2 once, 3 oncewaiters
-- ARGV       1 node id, 2 message, 3 waiter ('' = a cast), 4 most waiters, 5 how long a run holds the id, ms
-- RETURNS    {'run'} | {'inherited'} = another message was the run | {'waits'} | {'busy'} | {'replied' or 'failed', answer, those who
--            wait, if it is the message that was the run} | 'not-member'
-- RUN TWICE  the same again.
-- @include fence
-- @include once
local known = read_once(redis.call('GET', KEYS[2]))
if known and (known.state == 'r' or known.state == 'e') then
  local answer = { known.state == 'r' and 'replied' or 'failed', known.answer }
  return known.message == ARGV[2] and with_waiters(answer, KEYS[3]) or answer
end
local another = known and known.state == 'p' and known.message ~= ARGV[2]
if another and redis.call('HEXISTS', KEYS[1], known.node) == 1 then
  if ARGV[3] == '' then return { known.kind == 't' and 'waits' or 'busy' } end
  if not redis.call('ZSCORE', KEYS[3], ARGV[3]) then
    local waiting = redis.call('ZCARD', KEYS[3])
    if waiting >= tonumber(ARGV[4]) then return { 'busy' } end
    redis.call('ZADD', KEYS[3], waiting, ARGV[3])
    redis.call('PEXPIRE', KEYS[3], ARGV[5])
  end
  return { 'waits' }
end
if not known then redis.call('UNLINK', KEYS[3]) end
write_once(KEYS[2], 'p', ARGV[3] == '' and 't' or 'c', ARGV[1], ARGV[2], '', ARGV[5])
-- It is answered as the run, not as one who waits for it.
if ARGV[3] ~= '' then redis.call('ZREM', KEYS[3], ARGV[3]) end
redis.call('PEXPIRE', KEYS[3], ARGV[5])
return { another and 'inherited' or 'run' }
