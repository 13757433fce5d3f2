-- Which version of which agent held a call, and what its tools did.

ALTER TABLE voice_calls ADD COLUMN agent TEXT;
ALTER TABLE voice_calls ADD COLUMN agent_version TEXT;

CREATE TABLE call_tools (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    call_id UUID NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    name TEXT NOT NULL,
    arguments JSONB NOT NULL,
    ok BOOLEAN NOT NULL,
    result TEXT NOT NULL,
    started_at TIMESTAMPTZ NOT NULL,
    duration_ms INTEGER NOT NULL CHECK (duration_ms >= 0)
);
CREATE INDEX call_tools_call ON call_tools (call_id, started_at);
