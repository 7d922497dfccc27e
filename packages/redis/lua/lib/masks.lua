-- Masks are strings of '0' and '1', one character per envelope; '1' = still to do.
local function ones(mask)
  local _, count = string.gsub(mask, '1', '')
  return count
end

-- Keeps the '1's of `mask` where `other` has a '1' (keep == '1') or has none (keep == '0').
local function masked(mask, other, keep)
  local out = {}
  for i = 1, #mask do
    local same = (string.sub(other, i, i) == '1') == (keep == '1')
    out[i] = (same and string.sub(mask, i, i) == '1') and '1' or '0'
  end
  return table.concat(out)
end
