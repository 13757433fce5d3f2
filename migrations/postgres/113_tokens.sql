-- When the last token for a call was given: until that is no longer good, somebody may join. Rooms have the names
-- that LiveKit takes, also where they are recorded.

ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS token_at TIMESTAMPTZ;

ALTER TABLE room_recorders ALTER COLUMN room_name TYPE TEXT;
