-- Takeover: which asking for a room's agent is the newest (its epoch), until when one control plane
-- carries it out, which worker process runs the agent, and whether the agent says that it lost the room.

ALTER TABLE dispatches ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
ALTER TABLE dispatches ADD COLUMN claimed_until DATETIME;
ALTER TABLE dispatches ADD COLUMN worker BLOB;
ALTER TABLE dispatches ADD COLUMN lost_at DATETIME;
ALTER TABLE workers ADD COLUMN beat_at DATETIME;
CREATE TABLE guard_beat (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    beat_at DATETIME NOT NULL
);
