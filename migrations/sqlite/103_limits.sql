-- Limits of a user, and requests that may be sent again.

-- The calls that somebody has open are counted with each of their requests.
CREATE INDEX IF NOT EXISTS voice_calls_open_of ON voice_calls (caller_id) WHERE ended_at IS NULL;

-- Requests that named an Idempotency-Key, for a day. Of who asked, for what and by which key only a SHA-256
-- is here, and one of what was asked.
CREATE TABLE IF NOT EXISTS repeatable_requests (
    id BLOB PRIMARY KEY,
    body BLOB NOT NULL,
    -- The call that the request makes, from before it is made.
    call_id BLOB NOT NULL,
    -- What was answered, where that cannot be made again.
    answer TEXT,
    asked_at DATETIME NOT NULL
);
CREATE INDEX IF NOT EXISTS repeatable_requests_asked ON repeatable_requests (asked_at);
CREATE INDEX IF NOT EXISTS repeatable_requests_call ON repeatable_requests (call_id);
