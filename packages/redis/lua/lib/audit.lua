-- Looks over the consumers of one mailbox: entries held by a non-member make it an orphan again (a lost mark heals),
-- consumers that are nobody and hold nothing are dropped. Never one that holds something: that would lose its entries.
local MOST_CONSUMERS = 256

local function audit(members, orphans, stream, name)
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, 'g')
  if consumers.err then return end
  local orphaned = false
  for i = 1, math.min(#consumers, MOST_CONSUMERS) do
    local consumer, pending = consumers[i][2], consumers[i][6]
    if redis.call('HEXISTS', members, consumer) == 0 then
      if pending > 0 then orphaned = true else redis.call('XGROUP', 'DELCONSUMER', stream, 'g', consumer) end
    end
  end
  if orphaned then redis.call('SADD', orphans, name) end
end
