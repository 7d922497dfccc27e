-- The index by service: a hash for each service, node id → the node's report with nothing but that service in it.
-- A key that somebody overwrote heals.
local MOST_SERVICES = 10000

local function index_instance(prefix, service, id, entry)
  local key = prefix .. 'instances:' .. service
  local written = redis.pcall('HSET', key, id, entry)
  if type(written) == 'table' and written.err then
    redis.call('UNLINK', key)
    redis.call('HSET', key, id, entry)
  end
end

local function forget_instance(prefix, service, id)
  redis.pcall('HDEL', prefix .. 'instances:' .. service, id)
end

-- Takes a node out of the index, service by service as its report names them. A report that cannot be read leaves its
-- entries to `serving`, which drops those of non-members.
local function forget_instances(prefix, report, id)
  local text = redis.pcall('GET', report)
  if type(text) ~= 'string' then return end
  local read, found = pcall(cjson.decode, text)
  if not read or type(found) ~= 'table' or type(found.serves) ~= 'table' then return end
  local left = MOST_SERVICES
  for mailbox in pairs(found.serves) do
    if left == 0 then return end
    left = left - 1
    if type(mailbox) == 'string' then forget_instance(prefix, string.match(mailbox, '^[^@]*'), id) end
  end
end
