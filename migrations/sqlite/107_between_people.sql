-- Recordings of calls between people: how a backend wants one recorded, and which process listens in to record it.

ALTER TABLE voice_calls ADD COLUMN recording_mode TEXT;

CREATE TABLE IF NOT EXISTS room_recorders (
    call_id BLOB PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    room_name TEXT NOT NULL,
    -- Only until LiveKit's Egress records.
    until_egress BOOLEAN NOT NULL DEFAULT FALSE,
    asked_at DATETIME NOT NULL,
    -- The process that has it, and until when it need not be heard of again.
    holder BLOB,
    held_until DATETIME,
    -- It was in the room first.
    joined_at DATETIME,
    -- Nobody is wanted any more.
    done BOOLEAN NOT NULL DEFAULT FALSE,
    -- Why nobody could.
    reason TEXT
);
