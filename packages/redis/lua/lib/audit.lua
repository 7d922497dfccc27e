-- Looks over the consumers of one mailbox: entries held by a non-member make it an orphan again (a lost mark heals),
-- consumers that are nobody and hold nothing are dropped. Never one that holds something: that would lose its entries.
local function audit(members, orphans, stream, name)
  local orphaned = false
  for _, found in ipairs((consumers_of(stream))) do
    local consumer, pending = found[1], found[2]
    if redis.call('HEXISTS', members, consumer) == 0 then
      if pending > 0 then orphaned = true else redis.call('XGROUP', 'DELCONSUMER', stream, 'g', consumer) end
    end
  end
  if orphaned then redis.call('SADD', orphans, name) end
end
