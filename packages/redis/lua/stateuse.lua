#!lua flags=allow-oom
-- Carries out a step of shared state that sets nothing: reads, renews, deletes.
-- GUARANTEE  as stateset; also on a full server.
-- KEYS       1 staterevision (unused), then a state key for each operation
-- ARGV       as stateset, without set
-- RETURNS    as stateset
-- RUN TWICE  nothing is left to delete, and lives are renewed from then on.
-- @include state
return carry_out()
