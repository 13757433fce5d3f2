-- When the last token for a call was given: until that is no longer good, somebody may join.

ALTER TABLE voice_calls ADD COLUMN token_at DATETIME;
