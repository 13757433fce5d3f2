-- What came of a call, as its agent's model put it, and who is to be told.

CREATE TABLE call_results (
    call_id BLOB PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    result TEXT,
    error TEXT,
    made_at DATETIME NOT NULL
);

-- The outbox of post-call webhooks. A row is due at `due_at`; whoever delivers it first moves that
-- time on, so that no other process takes it meanwhile and a killed one's work is taken up again.
CREATE TABLE call_webhooks (
    id BLOB PRIMARY KEY,
    call_id BLOB NOT NULL UNIQUE REFERENCES voice_calls (id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    due_at DATETIME NOT NULL,
    first_try_at DATETIME,
    tries INTEGER NOT NULL DEFAULT 0,
    last_error TEXT
);
CREATE INDEX call_webhooks_due ON call_webhooks (due_at) WHERE state = 'waiting';
