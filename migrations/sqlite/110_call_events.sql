-- What happens in a call, for those who want to know it before its end: one post for each event.

-- Which events, by their names and commas; '': the end alone.
ALTER TABLE call_webhooks ADD COLUMN events TEXT NOT NULL DEFAULT '';

-- An outbox as call_webhooks is. What an event says is read when it is posted, so no words lie here. Ids rise
-- with time: a call's events are posted in their order.
CREATE TABLE call_events (
    id BLOB PRIMARY KEY,
    call_id BLOB NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    -- The turn's id, or that of the tool's run; '' where it is the call itself.
    about TEXT NOT NULL,
    url TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    due_at DATETIME NOT NULL,
    first_try_at DATETIME,
    tries INTEGER NOT NULL DEFAULT 0,
    last_error TEXT,
    UNIQUE (call_id, kind, about)
);
CREATE INDEX call_events_due ON call_events (due_at) WHERE state = 'waiting';
CREATE INDEX call_events_of_call ON call_events (call_id, id) WHERE state = 'waiting';
