-- Leaves `rest` to do in an entry; nothing left ends it. Level: what left the mask, and the bytes once it ends.
local function leave_rest(stream, level, progress, id, p, stored, rest, bytes, clear_mark)
  local gone = ones(stored) - ones(rest)
  if ones(rest) == 0 then
    end_entry(stream, progress, id)
    change_level(level, -gone, -bytes)
    return
  end
  if clear_mark or (p.mark ~= '' and string.sub(rest, tonumber(p.mark) + 1, tonumber(p.mark) + 1) ~= '1') then p.mark = '' end
  p.mask = rest
  write_progress(progress, id, p)
  change_level(level, -gone, 0)
end
