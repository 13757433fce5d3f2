-- Calls, who took part, what was said, what LiveKit told us, and which agents were asked for.
-- Applied at start and by `sidetone migrate`; `psql $DATABASE_URL -f` works too.

CREATE TABLE IF NOT EXISTS voice_calls (
    id UUID PRIMARY KEY,
    room_name VARCHAR(255) NOT NULL,
    caller_id VARCHAR(255) NOT NULL,
    callee_id VARCHAR(255),
    call_type VARCHAR(50) NOT NULL CHECK (call_type IN ('support', 'user-to-user', 'conference')),
    status VARCHAR(50) NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'ringing', 'connected', 'completed', 'missed', 'failed')),
    started_at TIMESTAMPTZ,
    connected_at TIMESTAMPTZ,
    ended_at TIMESTAMPTZ,
    duration_seconds INTEGER CHECK (duration_seconds >= 0),
    recording_url TEXT,
    transcript TEXT,
    metadata JSONB NOT NULL DEFAULT '{}',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- Facts that status and times are derived from (src/store/status.rs).
    room_sid VARCHAR(64),
    room_finished_at TIMESTAMPTZ,
    failed_at TIMESTAMPTZ,
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
    id SERIAL PRIMARY KEY,
    call_id UUID NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    user_id VARCHAR(255) NOT NULL,
    participant_name VARCHAR(255) NOT NULL DEFAULT '',
    joined_at TIMESTAMPTZ,
    left_at TIMESTAMPTZ,
    duration_seconds INTEGER CHECK (duration_seconds >= 0),
    is_muted BOOLEAN NOT NULL DEFAULT FALSE,
    participant_sid VARCHAR(64) NOT NULL,
    kind VARCHAR(20) NOT NULL CHECK (kind IN ('user', 'agent', 'other')),
    muted_at TIMESTAMPTZ,
    UNIQUE (call_id, participant_sid)
);
CREATE INDEX IF NOT EXISTS call_participants_user ON call_participants (user_id, call_id);

CREATE TABLE IF NOT EXISTS call_turns (
    call_id UUID NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    turn_id VARCHAR(64) NOT NULL,
    speaker VARCHAR(20) NOT NULL CHECK (speaker IN ('user', 'agent')),
    text TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    ended_at TIMESTAMPTZ,
    interrupted BOOLEAN NOT NULL DEFAULT FALSE,
    latency_ms INTEGER CHECK (latency_ms >= 0),
    metrics JSONB NOT NULL DEFAULT '{}',
    PRIMARY KEY (call_id, turn_id)
);

CREATE TABLE IF NOT EXISTS webhook_events (
    id VARCHAR(64) PRIMARY KEY,
    event VARCHAR(64) NOT NULL,
    room_name VARCHAR(255),
    payload JSONB NOT NULL,
    occurred_at TIMESTAMPTZ NOT NULL,
    received_at TIMESTAMPTZ NOT NULL,
    processed_at TIMESTAMPTZ,
    attempts INTEGER NOT NULL DEFAULT 0,
    note TEXT
);
CREATE INDEX IF NOT EXISTS webhook_events_todo ON webhook_events (received_at, id)
    WHERE processed_at IS NULL;
CREATE INDEX IF NOT EXISTS webhook_events_received ON webhook_events (received_at);

CREATE TABLE IF NOT EXISTS dispatches (
    room_name VARCHAR(255) PRIMARY KEY,
    call_id UUID REFERENCES voice_calls (id) ON DELETE CASCADE,
    state VARCHAR(20) NOT NULL CHECK (state IN ('asked', 'joined', 'ended', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    dispatch_id VARCHAR(64),
    worker_id VARCHAR(64),
    agent_identity VARCHAR(255),
    reason TEXT,
    metadata JSONB NOT NULL,
    asked_at TIMESTAMPTZ NOT NULL,
    since TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS dispatches_live ON dispatches (since)
    WHERE state IN ('asked', 'joined');
