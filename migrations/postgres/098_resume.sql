-- A call whose agent is lost goes on with another one, which has to know what the first did not finish:
-- a turn of which more was to be heard, and a tool whose end is not known. An agent's turn that nobody
-- asked for, such as a greeting, answers nothing.

ALTER TABLE call_turns ADD COLUMN IF NOT EXISTS unfinished BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE call_turns ADD COLUMN IF NOT EXISTS unasked BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE call_tools ADD COLUMN IF NOT EXISTS running BOOLEAN NOT NULL DEFAULT FALSE;
