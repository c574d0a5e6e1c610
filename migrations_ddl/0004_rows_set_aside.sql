-- What became of the rows of a batch that are not plainly in: `ignored` were there already under the same key,
-- `updated` (part of `rows`) took the place of a row with the same key.

ALTER TABLE ybvoyager.import_batches ADD COLUMN IF NOT EXISTS ignored bigint NOT NULL DEFAULT 0;

ALTER TABLE ybvoyager.import_batches ADD COLUMN IF NOT EXISTS updated bigint NOT NULL DEFAULT 0;

-- Where a row set aside stands: row `row_in_block` (from 0) of block `block` (from 0) of its chunk's file, a block that
-- begins at `file_offset`.
ALTER TABLE ybvoyager.quarantined_rows ADD COLUMN IF NOT EXISTS chunk_id uuid;

ALTER TABLE ybvoyager.quarantined_rows ADD COLUMN IF NOT EXISTS block integer;

ALTER TABLE ybvoyager.quarantined_rows ADD COLUMN IF NOT EXISTS row_in_block integer;

CREATE INDEX IF NOT EXISTS rows_set_aside ON ybvoyager.quarantined_rows (
    migration_uuid, schema_name, table_name, chunk_id, block, row_in_block
);
