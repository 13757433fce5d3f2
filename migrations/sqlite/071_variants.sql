-- Which variant of its agent held a call; none: the agent as it stood.

ALTER TABLE voice_calls ADD COLUMN variant TEXT;
