-- What a call's sound went through on its way between its agent and LiveKit's server.

ALTER TABLE voice_calls ADD COLUMN media TEXT;
