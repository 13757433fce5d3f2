-- What a caller is saying, for the agent that takes the call over when its own is lost.

CREATE TABLE IF NOT EXISTS call_saying (
    call_id UUID PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    turn_id TEXT NOT NULL,
    text TEXT NOT NULL,
    name TEXT,
    at TIMESTAMPTZ NOT NULL
);
