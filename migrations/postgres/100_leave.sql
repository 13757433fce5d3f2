-- Results of calls that are still to be made. Whoever is making one has until `due_at`; then any process
-- that knows the agent may.
CREATE TABLE results_owed (
    call_id UUID PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    agent TEXT NOT NULL,
    owed_at TIMESTAMPTZ NOT NULL,
    due_at TIMESTAMPTZ NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX results_owed_due ON results_owed (due_at);
