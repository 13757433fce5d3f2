-- Calls are found by what a backend says of them (`?metadata.order=42`); most calls have nothing said of them.
CREATE INDEX IF NOT EXISTS voice_calls_metadata ON voice_calls USING GIN (metadata jsonb_path_ops)
    WHERE metadata <> '{}';
