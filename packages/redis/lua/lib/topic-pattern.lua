-- Patterns of topics: `*` stands for one segment, `>` for one or more at the end. `topics/names.ts` says the same.
-- They are kept in every lane, as fields `pattern group` of a hash.
local MOST_SEGMENTS = 64
local MOST_PATTERNS = 1024

local function matches(pattern, topic)
  local p, t = 1, 1
  for _ = 1, MOST_SEGMENTS do
    if p > #pattern or t > #topic then return p > #pattern and t > #topic end
    local p_end = string.find(pattern, '.', p, true) or #pattern + 1
    local word = string.sub(pattern, p, p_end - 1)
    if word == '>' then return true end
    local t_end = string.find(topic, '.', t, true) or #topic + 1
    if word ~= '*' and word ~= string.sub(topic, t, t_end - 1) then return false end
    p, t = p_end + 1, t_end + 1
  end
  return false
end
