#!lua flags=allow-oom
-- Appends one frame to a node's inbox.
-- GUARANTEE  only a member replies; an inbox that is gone is not revived.
-- KEYS       1 members, 2 inbox
-- ARGV       1 node id, 2 frame
-- RETURNS    1 = accepted, 0 = the inbox is gone, 'not-member'
-- RUN TWICE  the frame arrives twice; its receiver tells by the call's id.
-- @include fence
return redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'f', ARGV[2]) and 1 or 0
