-- What a call took of its providers, and what became of all that was said in it.

ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS usage JSONB;
ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS ledger JSONB;
