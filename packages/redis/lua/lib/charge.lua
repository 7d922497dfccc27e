-- Charges one more delivery to the envelope at `index`.
local function charge(charges, index)
  local counts, order, found = {}, {}, false
  for at, count in string.gmatch(charges, '(%d+):(%d+)') do
    order[#order + 1] = at
    counts[at] = tonumber(count)
    if at == index then counts[at] = counts[at] + 1; found = true end
  end
  if not found then order[#order + 1] = index; counts[index] = 1 end
  for i, at in ipairs(order) do order[i] = at .. ':' .. counts[at] end
  return table.concat(order, ',')
end
