-- Who has said a turn, where an agent hears several people.

ALTER TABLE call_turns ADD COLUMN IF NOT EXISTS person TEXT;
ALTER TABLE call_turns ADD COLUMN IF NOT EXISTS name TEXT;
