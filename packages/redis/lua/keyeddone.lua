#!lua flags=allow-oom
-- Ends entries of logs that are done, in bulk, over several partitions of one lane.
-- GUARANTEE  only its owner ends anything of a partition.
-- KEYS       1 members, then per partition: owners, log, level, progress, kept
-- ARGV       1 node id, then per partition: its number, how many, and per entry: id, envelopes to do, bytes
-- RETURNS    one character per entry in order, '1' = ended now, '0' = was gone, or another owns it; or 'not-member'
-- RUN TWICE  all '0'.
-- @include fence
-- @include masks
-- @include progress
-- @include line
-- @include level
-- @include owner
-- @include kept
local answer = {}
local at = 2
for box = 0, math.floor((#KEYS - 1) / 5) - 1 do
  local owners, log, level, progress, kept =
    KEYS[2 + 5 * box], KEYS[3 + 5 * box], KEYS[4 + 5 * box], KEYS[5 + 5 * box], KEYS[6 + 5 * box]
  local owned = owner_of(owners, ARGV[at]) == ARGV[1]
  local ids, weights, sizes = {}, {}, {}
  for i = 1, tonumber(ARGV[at + 1]) do
    ids[i], weights[i], sizes[i] = ARGV[at + 2], tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
    at = at + 3
  end
  at = at + 2
  if not owned then
    answer[#answer + 1] = string.rep('0', #ids)
  else
    if redis.call('EXISTS', progress) == 1 then
      for i, record in ipairs(redis.call('HMGET', progress, unpack(ids))) do
        local p = record and read_progress(record)
        if p and p.mask ~= '' then weights[i] = ones(p.mask) end
      end
      redis.call('HDEL', progress, unpack(ids))
    end
    if redis.call('EXISTS', kept) == 1 then
      for _, id in ipairs(ids) do forget_kept(kept, id) end
    end
    local messages, bytes = 0, 0
    for i, id in ipairs(ids) do
      if redis.call('XDEL', log, id) == 1 then
        messages, bytes = messages + weights[i], bytes + sizes[i]
        answer[#answer + 1] = '1'
      else
        answer[#answer + 1] = '0'
      end
    end
    change_level(level, -messages, -bytes)
  end
end
return table.concat(answer)
