#!lua flags=allow-oom
-- Ends a claim: the notice was delivered, or is given back.
-- GUARANTEE  what is not in this node's hands is left alone.
-- KEYS       1 alertclaims
-- ARGV       1 node id, 2 group, 3 number of the notice, 4 '1' = it was delivered, 5 lifetime of the claims ms
-- RETURNS    1 = ended, 0 = was not this node's
-- RUN TWICE  0.
-- @include healing
-- @include notice
local done, notice, node = read_claim(KEYS[1], ARGV[2])
if node ~= ARGV[1] or notice ~= tonumber(ARGV[3]) then return 0 end
keep_claim(KEYS[1], ARGV[2], ARGV[4] == '1' and math.max(done, notice) or done, 0, '', ARGV[5])
return 1
