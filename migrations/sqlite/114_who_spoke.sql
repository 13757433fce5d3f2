-- Who has said a turn, where an agent hears several people.

ALTER TABLE call_turns ADD COLUMN person TEXT;
ALTER TABLE call_turns ADD COLUMN name TEXT;
