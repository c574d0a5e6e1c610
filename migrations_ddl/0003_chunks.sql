-- How many parts (chunks) of a table a data phase has finished, and how many there are as far as is known.

ALTER TABLE ybvoyager.table_progress ADD COLUMN IF NOT EXISTS chunks_done integer NOT NULL DEFAULT 0;

ALTER TABLE ybvoyager.table_progress ADD COLUMN IF NOT EXISTS chunks_total integer;
