-- What LiveKit's Egress does for a recording, and since when.

ALTER TABLE call_recordings ADD COLUMN egress_status VARCHAR(20) NOT NULL DEFAULT 'none';
ALTER TABLE call_recordings ADD COLUMN egress_since DATETIME;
CREATE INDEX IF NOT EXISTS call_recordings_egress_open ON call_recordings (id)
    WHERE mode = 'egress' AND ended_at IS NULL;
CREATE INDEX IF NOT EXISTS call_recordings_object ON call_recordings (object_key)
    WHERE object_key IS NOT NULL;
