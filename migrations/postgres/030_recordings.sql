-- Recordings of calls: a call has one for each time that it was recorded (an agent that was replaced
-- in mid-call leaves two).

CREATE TABLE IF NOT EXISTS call_recordings (
    id UUID PRIMARY KEY,
    -- No foreign key: a worker also records calls that this database does not know.
    call_id UUID NOT NULL,
    mode VARCHAR(20) NOT NULL CHECK (mode IN ('process', 'egress')),
    state VARCHAR(20) NOT NULL
        CHECK (state IN ('recording', 'kept', 'uploaded', 'failed', 'deleting')),
    paused BOOLEAN NOT NULL DEFAULT FALSE,
    object_key TEXT,
    url TEXT,
    bytes BIGINT CHECK (bytes >= 0),
    duration_ms BIGINT CHECK (duration_ms >= 0),
    egress_id VARCHAR(64),
    reason TEXT,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ
);
CREATE INDEX IF NOT EXISTS call_recordings_call ON call_recordings (call_id, started_at);
CREATE INDEX IF NOT EXISTS call_recordings_egress ON call_recordings (egress_id)
    WHERE egress_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_recordings_deleting ON call_recordings (id)
    WHERE state = 'deleting';
