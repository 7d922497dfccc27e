#!lua
-- Carries out a step of shared state that sets something.
-- GUARANTEE  the operations happen in order and nothing in between; with 'all', none does unless each check holds; what is
--            under another type fails and stays; a revision is higher than all before it; refused as a whole on a full server.
-- KEYS       1 staterevision, then a state key for each operation
-- ARGV       1 'each' | 'all', then four for each operation: verb (get, set, delete, ttl, touch, check) and its own three
-- RETURNS    an answer for each: get: the entry or nothing; set: revision | 0 = refused | {the entry that stands};
--            delete, touch: how many; ttl: as PTTL; '!' = what stands there is no entry; an error.
--            'all': {{answers}} | {position, revision or '!'} = that check failed
-- RUN TWICE  what it sets is set again, at a higher revision, unless it expects one.
-- @include state
return carry_out()
