-- A call outlives its LiveKit room, ends by its agent's word, and may be gone on with.

-- Its agent ended it, and whether somebody hung up on purpose; what ended it before it was gone on with
-- does not count.
ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS over_at TIMESTAMPTZ;
ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS hung_up BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE voice_calls ADD COLUMN IF NOT EXISTS resumed_at TIMESTAMPTZ;

-- The LiveKit rooms that a call has had: a server that is started again gives the room a new id.
CREATE TABLE IF NOT EXISTS call_rooms (
    call_id UUID NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    room_sid TEXT NOT NULL,
    opened_at TIMESTAMPTZ,
    PRIMARY KEY (call_id, room_sid)
);
CREATE INDEX IF NOT EXISTS call_rooms_sid ON call_rooms (room_sid);

-- Agents that are asked for as soon as somebody joins the room that a token was given for.
CREATE TABLE IF NOT EXISTS awaited_agents (
    room_name TEXT PRIMARY KEY,
    call_id UUID NOT NULL REFERENCES voice_calls (id) ON DELETE CASCADE,
    metadata JSONB NOT NULL,
    since TIMESTAMPTZ NOT NULL
);
CREATE INDEX IF NOT EXISTS awaited_agents_call ON awaited_agents (call_id);
CREATE INDEX IF NOT EXISTS awaited_agents_since ON awaited_agents (since);

-- Calls that somebody may come back to.
CREATE INDEX IF NOT EXISTS voice_calls_ended ON voice_calls (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS call_participants_sid ON call_participants (participant_sid);
