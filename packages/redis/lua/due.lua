#!lua flags=allow-oom
-- Moves frames whose time has come into their mailboxes.
-- GUARANTEE  a frame is moved once, however many nodes try; its level does not change: it was waiting all along.
-- KEYS       1 due, 2 due:frames
-- ARGV       1 lane prefix, 2 most frames to move
-- RETURNS    {moved, 1 when more are due, next due time or ''}
-- RUN TWICE  moves what is due then.
-- @include time
-- @include targeted
-- @include move-due
local moved, more, next_due = move_due(ARGV[1], KEYS[1], KEYS[2], tonumber(ARGV[2]))
return { moved, more, next_due }
