#!lua flags=allow-oom
-- Ends entries that are done, in bulk, over several mailboxes of one lane.
-- GUARANTEE  only a member ends anything: what a dead node held belongs to others.
-- KEYS       1 members, then per mailbox: stream, level, progress
-- ARGV       1 node id, then per mailbox: how many, and per entry: id, envelopes to do, bytes
-- RETURNS    one character per entry in order, '1' = ended now, '0' = was gone; or 'not-member'
-- RUN TWICE  all '0'.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
local answer = {}
local at = 2
for box = 0, math.floor((#KEYS - 1) / 3) - 1 do
  local stream, level, progress = KEYS[2 + 3 * box], KEYS[3 + 3 * box], KEYS[4 + 3 * box]
  local ids, weights, sizes = {}, {}, {}
  for i = 1, tonumber(ARGV[at]) do
    ids[i], weights[i], sizes[i] = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
    at = at + 3
  end
  at = at + 1
  if redis.call('EXISTS', progress) == 1 then
    for i, record in ipairs(redis.call('HMGET', progress, unpack(ids))) do
      local p = record and read_progress(record)
      if p and p.mask ~= '' then weights[i] = ones(p.mask) end
    end
    redis.call('HDEL', progress, unpack(ids))
  end
  local acked = redis.call('XACK', stream, 'g', unpack(ids))
  local messages, bytes = 0, 0
  if acked == #ids then redis.call('XDEL', stream, unpack(ids)) end
  for i, id in ipairs(ids) do
    if acked == #ids or redis.call('XDEL', stream, id) == 1 then
      messages, bytes = messages + weights[i], bytes + sizes[i]
      answer[#answer + 1] = '1'
    else
      answer[#answer + 1] = '0'
    end
  end
  change_level(level, -messages, -bytes)
end
return table.concat(answer)
