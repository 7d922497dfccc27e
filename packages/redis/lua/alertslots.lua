#!lua flags=no-writes
-- Reads a page of all alerts, and the number of the last item of the log.
-- GUARANTEE  over all pages every slot that stands all the while; the number that the first page brings is of what the
--            pages contain already. What changes meanwhile may be there or not, and twice: the log tells.
-- KEYS       1 alerts, 2 alerts:seq
-- ARGV       1 where the page begins ('0' = the first)
-- RETURNS    {number, where the next page begins ('0' = there is none), fingerprint, slot, ...}
-- RUN TWICE  same answer.
local PAGE = 250

local number = redis.pcall('GET', KEYS[2])
local answer = { type(number) == 'string' and number or '0', '0' }
-- Something of another type has no slots.
local page = redis.pcall('HSCAN', KEYS[1], ARGV[1], 'COUNT', PAGE)
if page.err then return answer end
answer[2] = page[1]
for i = 1, #page[2] do answer[i + 2] = page[2][i] end
return answer
