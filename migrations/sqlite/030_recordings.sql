-- Recordings of calls: a call has one for each time that it was recorded (an agent that was replaced
-- in mid-call leaves two).

CREATE TABLE IF NOT EXISTS call_recordings (
    id BLOB PRIMARY KEY,
    -- No foreign key: a worker also records calls that this database does not know.
    call_id BLOB NOT NULL,
    mode TEXT NOT NULL CHECK (mode IN ('process', 'egress')),
    state TEXT NOT NULL
        CHECK (state IN ('recording', 'kept', 'uploaded', 'failed', 'deleting')),
    paused BOOLEAN NOT NULL DEFAULT FALSE,
    object_key TEXT,
    url TEXT,
    bytes INTEGER CHECK (bytes >= 0),
    duration_ms INTEGER CHECK (duration_ms >= 0),
    egress_id TEXT,
    reason TEXT,
    started_at DATETIME NOT NULL,
    ended_at DATETIME
);
CREATE INDEX IF NOT EXISTS call_recordings_call ON call_recordings (call_id, started_at);
CREATE INDEX IF NOT EXISTS call_recordings_egress ON call_recordings (egress_id)
    WHERE egress_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_recordings_deleting ON call_recordings (id)
    WHERE state = 'deleting';
