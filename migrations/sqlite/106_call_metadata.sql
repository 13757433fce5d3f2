-- Calls are found by what a backend says of them (`?metadata.order=42`). SQLite has no index over fields of any
-- name: this one leaves out the calls of which nothing is said.
CREATE INDEX IF NOT EXISTS voice_calls_metadata ON voice_calls (created_at DESC, id DESC)
    WHERE metadata <> '{}';
