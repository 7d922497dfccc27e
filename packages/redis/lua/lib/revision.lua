-- The lane's revision says in one number that members should look: it grows by MEMBERS_CHANGED when somebody came or
-- went, by 1 when something became due or an orphan. A beat that finds it unchanged has nothing to do.
local MEMBERS_CHANGED = 1048576
