-- Worker processes: each writes its row with every beat, and reads back whether it is asked to drain.

CREATE TABLE workers (
    id UUID PRIMARY KEY,
    host TEXT NOT NULL,
    agent_name TEXT NOT NULL,
    version TEXT NOT NULL,
    livekit_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('connecting', 'ready', 'draining', 'drained')),
    load REAL NOT NULL,
    calls INTEGER NOT NULL,
    max_calls INTEGER NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    drain_requested_at TIMESTAMPTZ
);
