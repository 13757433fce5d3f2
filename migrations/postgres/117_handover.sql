-- The epoch of an agent that hands its call over to another one: its worker is drained.

ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS yields BIGINT;
