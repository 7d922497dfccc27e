-- What a group of subscribers has of an alert: `done|notice|node`, the last notice that was delivered to it, and the one
-- that is in the hands of a node ('0|' and '' = none). What cannot be read is nothing.
local function read_claim(key, group)
  local text = healing('HGET', key, group) or ''
  local done, notice, node = string.match(text, '^(%d+)|(%d+)|(.*)$')
  return tonumber(done) or 0, tonumber(notice) or 0, node or ''
end

local function keep_claim(key, group, done, notice, node, lifetime_ms)
  redis.call('HSET', key, group, string.format('%.0f|%.0f|%s', done, notice, node))
  redis.call('PEXPIRE', key, lifetime_ms)
end
