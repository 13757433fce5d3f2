-- Several control planes watch over the same rooms: who asked or looked last, by this database's clock.

ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS claimed_at TIMESTAMPTZ;
ALTER TABLE dispatches ADD COLUMN IF NOT EXISTS looked_at TIMESTAMPTZ;
