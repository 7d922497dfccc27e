-- What is for one member alone lies in a mailbox of its own, `mailbox>member`. Its stream is known at every moment: it is
-- marked in the orphans until its member opens it, then it is among what that member serves.

-- The shared mailbox of a name, and the member it is for (nil = for anybody).
local function addressed(name)
  local at = string.find(name, '>', 1, true)
  if not at then return name, nil end
  return string.sub(name, 1, at - 1), string.sub(name, at + 1)
end

-- Adds an entry to it, and answers its id. The first one makes the stream, and its member is told.
local function add_targeted(fields, stream, name, orphans, revision, inbox)
  local id = redis.call('XADD', stream, 'NOMKSTREAM', '*', unpack(fields))
  if id then return id end
  id = redis.call('XADD', stream, '*', unpack(fields))
  redis.call('SADD', orphans, name)
  redis.call('INCR', revision)
  redis.call('XADD', inbox, 'NOMKSTREAM', '*', 'o', '1')
  return id
end
