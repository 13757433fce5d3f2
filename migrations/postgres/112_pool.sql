-- What a worker has measured of late, and by when one that drains is empty.

ALTER TABLE workers ADD COLUMN IF NOT EXISTS recent JSONB;
ALTER TABLE workers ADD COLUMN IF NOT EXISTS drain_until TIMESTAMPTZ;
