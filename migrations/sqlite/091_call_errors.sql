-- Stages of a call that failed while it went on.

CREATE TABLE call_errors (
    id INTEGER PRIMARY KEY,
    call_id BLOB NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    stage TEXT NOT NULL,
    message TEXT NOT NULL,
    at DATETIME NOT NULL
);
CREATE INDEX call_errors_call ON call_errors (call_id, at);
