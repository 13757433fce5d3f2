-- Takeover: which asking for a room's agent is the newest (its epoch), until when one control plane
-- carries it out, which worker process runs the agent, and whether the agent says that it lost the room.
-- Workers and control planes beat by this database's clock.

ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS claimed_until TIMESTAMPTZ;
ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS worker UUID;
ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS lost_at TIMESTAMPTZ;
ALTER TABLE workers ADD COLUMN IF NOT EXISTS beat_at TIMESTAMPTZ;
CREATE TABLE IF NOT EXISTS guard_beat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    beat_at TIMESTAMPTZ NOT NULL
);
