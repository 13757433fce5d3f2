-- The statistics of the history read these columns of every call: an index that holds them all
-- spares reading the calls themselves.
CREATE INDEX IF NOT EXISTS voice_calls_figures
    ON voice_calls (status, call_type, connected_at, duration_seconds);
