-- What came of a call, as its agent's model put it, and who is to be told.

CREATE TABLE call_results (
    call_id UUID PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    result JSONB,
    error TEXT,
    made_at TIMESTAMPTZ NOT NULL
);

-- The outbox of post-call webhooks. A row is due at `due_at`; whoever delivers it first moves that
-- time on, so that no other process takes it meanwhile and a killed one's work is taken up again.
CREATE TABLE call_webhooks (
    id UUID PRIMARY KEY,
    call_id UUID NOT NULL UNIQUE REFERENCES voice_calls (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    due_at TIMESTAMPTZ NOT NULL,
    first_try_at TIMESTAMPTZ,
    tries INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
);
CREATE INDEX call_webhooks_due ON call_webhooks (due_at) WHERE state = 'waiting';
