-- Calls, who took part, what was said, what LiveKit told us, and which agents were asked for.
-- The same columns as on Postgres; UUIDs are 16-byte blobs, times RFC 3339 text in UTC.

CREATE TABLE IF NOT EXISTS voice_calls (
    id BLOB PRIMARY KEY,
    room_name TEXT NOT NULL,
    caller_id TEXT NOT NULL,
    callee_id TEXT,
    call_type TEXT NOT NULL CHECK (call_type IN ('support', 'user-to-user', 'conference')),
    status TEXT NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'ringing', 'connected', 'completed', 'missed', 'failed')),
    started_at DATETIME,
    connected_at DATETIME,
    ended_at DATETIME,
    duration_seconds INTEGER CHECK (duration_seconds >= 0),
    recording_url TEXT,
    transcript TEXT,
    metadata TEXT NOT NULL DEFAULT '{}',
    created_at DATETIME NOT NULL,
    -- Facts that status and times are derived from (src/store/status.rs).
    room_sid TEXT,
    room_finished_at DATETIME,
    failed_at DATETIME,
    failure_reason TEXT
);
-- A room has one call at a time.
CREATE UNIQUE INDEX IF NOT EXISTS voice_calls_open_room ON voice_calls (room_name)
    WHERE ended_at IS NULL;
CREATE INDEX IF NOT EXISTS voice_calls_room ON voice_calls (room_name, created_at DESC);
CREATE INDEX IF NOT EXISTS voice_calls_newest ON voice_calls (created_at DESC, id DESC);
CREATE INDEX IF NOT EXISTS voice_calls_caller ON voice_calls (caller_id, created_at DESC);
CREATE INDEX IF NOT EXISTS voice_calls_callee ON voice_calls (callee_id, created_at DESC)
    WHERE callee_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS voice_calls_status ON voice_calls (status, created_at DESC);
CREATE INDEX IF NOT EXISTS voice_calls_type ON voice_calls (call_type, created_at DESC);

CREATE TABLE IF NOT EXISTS call_participants (
    id INTEGER PRIMARY KEY,
    call_id BLOB NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    participant_name TEXT NOT NULL DEFAULT '',
    joined_at DATETIME,
    left_at DATETIME,
    duration_seconds INTEGER CHECK (duration_seconds >= 0),
    is_muted BOOLEAN NOT NULL DEFAULT FALSE,
    participant_sid TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('user', 'agent', 'other')),
    muted_at DATETIME,
    UNIQUE (call_id, participant_sid)
);
CREATE INDEX IF NOT EXISTS call_participants_user ON call_participants (user_id, call_id);

CREATE TABLE IF NOT EXISTS call_turns (
    call_id BLOB NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    turn_id TEXT NOT NULL,
    speaker TEXT NOT NULL CHECK (speaker IN ('user', 'agent')),
    text TEXT NOT NULL,
    started_at DATETIME NOT NULL,
    ended_at DATETIME,
    interrupted BOOLEAN NOT NULL DEFAULT FALSE,
    latency_ms INTEGER CHECK (latency_ms >= 0),
    metrics TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (call_id, turn_id)
);

CREATE TABLE IF NOT EXISTS webhook_events (
    id TEXT PRIMARY KEY,
    event TEXT NOT NULL,
    room_name TEXT,
    payload TEXT NOT NULL,
    occurred_at DATETIME NOT NULL,
    received_at DATETIME NOT NULL,
    processed_at DATETIME,
    attempts INTEGER NOT NULL DEFAULT 0,
    note TEXT
);
CREATE INDEX IF NOT EXISTS webhook_events_todo ON webhook_events (received_at, id)
    WHERE processed_at IS NULL;
CREATE INDEX IF NOT EXISTS webhook_events_received ON webhook_events (received_at);

CREATE TABLE IF NOT EXISTS dispatches (
    room_name TEXT PRIMARY KEY,
    call_id BLOB REFERENCES voice_calls (id) ON DELETE CASCADE,
    state TEXT NOT NULL CHECK (state IN ('asked', 'joined', 'ended', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    dispatch_id TEXT,
    worker_id TEXT,
    agent_identity TEXT,
    reason TEXT,
    metadata TEXT NOT NULL,
    asked_at DATETIME NOT NULL,
    since DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS dispatches_live ON dispatches (since)
    WHERE state IN ('asked', 'joined');
