#!lua flags=allow-oom
-- Makes mailboxes exist for a node that serves them.
-- GUARANTEE  each stream has its group from its first entry on; limits stand; the node is known to serve it. What is for
--            this node alone is marked no more: it is served.
-- KEYS       1 members, 2 serves of the node, 3 orphans, then per mailbox: stream, level
-- ARGV       1 node id, then per mailbox: name (or `mailbox>node`), maxLength, maxBytes
-- RETURNS    per mailbox '' or '>' when there is one for this node alone beside it, or the text of the error that makes it
--            unusable; or 'not-member'
-- RUN TWICE  same answer.
-- @include fence
-- @include targeted
local answer = {}
for i = 1, math.floor((#KEYS - 3) / 2) do
  local stream, level = KEYS[2 + 2 * i], KEYS[3 + 2 * i]
  local name, max_length, max_bytes = ARGV[3 * i - 1], ARGV[3 * i], ARGV[3 * i + 1]
  local made = redis.pcall('XGROUP', 'CREATE', stream, 'g', '0', 'MKSTREAM')
  if made.err and string.sub(made.err, 1, 9) ~= 'BUSYGROUP' then
    answer[i] = made.err
  else
    redis.call('HSET', level, 'maxLength', max_length, 'maxBytes', max_bytes)
    redis.call('SADD', KEYS[2], name)
    local _, target = addressed(name)
    if target then redis.call('SREM', KEYS[3], name) end
    answer[i] = (not target and redis.call('EXISTS', stream .. '>' .. ARGV[1]) == 1) and '>' or ''
  end
end
return answer
