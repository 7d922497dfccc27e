-- Takes all start marks off the records of a log; where its owner died, each marked envelope is charged a delivery.
local MOST_RECORDS = 20000

local function take_marks_off(progress, died)
  local records = redis.call('HGETALL', progress)
  for at = 1, math.min(#records, 2 * MOST_RECORDS), 2 do
    local p = read_progress(records[at + 1])
    if p.mark ~= '' then
      if died then p.charges = charge(p.charges, p.mark) end
      p.mark = ''
      write_progress(progress, records[at], p)
    end
  end
end
