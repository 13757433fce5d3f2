-- Several control planes watch over the same rooms: who asked or looked last.

ALTER TABLE dispatches ADD COLUMN claimed_at DATETIME;
ALTER TABLE dispatches ADD COLUMN looked_at DATETIME;
