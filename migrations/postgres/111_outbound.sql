-- A telephone that an agent calls: the number, the trunk, and what came of it.

ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS outbound JSONB;
