-- What a worker has measured of late, and by when one that drains is empty.

ALTER TABLE workers ADD COLUMN recent TEXT;
ALTER TABLE workers ADD COLUMN drain_until DATETIME;
