-- Recordings of calls between people: how a backend wants one recorded, and which process listens in to record it.

ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS recording_mode VARCHAR(20);

CREATE TABLE IF NOT EXISTS room_recorders (
    call_id UUID PRIMARY KEY REFERENCES voice_calls (id) ON DELETE CASCADE,
    room_name VARCHAR(255) NOT NULL,
    -- Only until LiveKit's Egress records.
    until_egress BOOLEAN NOT NULL DEFAULT FALSE,
    asked_at TIMESTAMPTZ NOT NULL,
    -- The process that has it, and until when it need not be heard of again.
    holder UUID,
    held_until TIMESTAMPTZ,
    -- It was in the room first.
    joined_at TIMESTAMPTZ,
    -- Nobody is wanted any more.
    done BOOLEAN NOT NULL DEFAULT FALSE,
    -- Why nobody could.
    reason TEXT
);
