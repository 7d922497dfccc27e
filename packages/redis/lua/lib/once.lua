-- The record of an id: `state kind node message`, a line feed, and the answer (empty: undefined). States: p = runs, r = has
-- replied, e = has failed, f = has ended without an answer. Kinds: c = call, t = cast. Nil: there is none, or none of ours.
local function read_once(text)
  local head = text and string.find(text, '\n', 1, true)
  if not head then return nil end
  local state, kind, node, message = string.match(string.sub(text, 1, head - 1), '^(%a) (%a) (%S+) (%S+)$')
  if not state then return nil end
  return { state = state, kind = kind, node = node, message = message, answer = string.sub(text, head + 1) }
end

local function write_once(key, state, kind, node, message, answer, lifetime)
  redis.call('SET', key, state .. ' ' .. kind .. ' ' .. node .. ' ' .. message .. '\n' .. answer, 'PX', lifetime)
end

-- Adds those who wait to an answer.
local function with_waiters(answer, waiters)
  for _, waiter in ipairs(redis.call('ZRANGE', waiters, 0, -1)) do answer[#answer + 1] = waiter end
  return answer
end
