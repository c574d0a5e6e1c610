"""The ledger and the lease check as SQL texts that run inside a data transaction, on whichever driver carries it.

The order in such a transaction: read_lease, the rows, record_batch or record_batches, hold_lease, COMMIT. hold_lease
is last because a lock taken first would let a process that was stopped in mid-COPY block its successor, and a plain
read would let it commit after a take-over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from voyager.errors import VoyagerError
from voyager.ports import Execute
from voyager.store.lease import Lease, lost

READ_LEASE = """\
SELECT expires_at FROM ybvoyager.leases WHERE migration_uuid = $1 AND phase = $2 AND token = $3"""

HOLD_LEASE = """\
SELECT 1 FROM ybvoyager.leases WHERE migration_uuid = $1 AND phase = $2 AND token = $3 FOR KEY SHARE"""

RECORD_BATCH = """\
INSERT INTO ybvoyager.import_batches
    (chunk_id, batch_no, blocks, migration_uuid, snapshot, schema_name, table_name,
     rows, bytes, quarantined, ignored, updated, lease_token)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (chunk_id, batch_no) DO NOTHING
RETURNING batch_no"""

RECORD_BATCHES = """\
WITH recorded AS (
    INSERT INTO ybvoyager.import_batches
        (chunk_id, batch_no, blocks, migration_uuid, snapshot, schema_name, table_name, rows, bytes, lease_token)
    SELECT part.chunk_id, 0, 1, $1, $2, part.schema_name, part.table_name, part.rows, part.bytes, $3
    FROM unnest($4::uuid[], $5::text[], $6::text[], $7::bigint[], $8::bigint[])
        AS part (chunk_id, schema_name, table_name, rows, bytes)
    ON CONFLICT (chunk_id, batch_no) DO NOTHING
    RETURNING 1
) SELECT count(*) AS recorded FROM recorded"""

FORGET_TABLE = """\
DELETE FROM ybvoyager.import_batches
WHERE migration_uuid = $1 AND schema_name = $2 AND table_name = $3
    AND EXISTS (SELECT 1 FROM ybvoyager.leases WHERE migration_uuid = $1 AND phase = $4 AND token = $5)"""

FORGET_SET_ASIDE = """\
DELETE FROM ybvoyager.quarantined_rows
WHERE migration_uuid = $1 AND phase = $4 AND schema_name = $2 AND table_name = $3
    AND EXISTS (SELECT 1 FROM ybvoyager.leases WHERE migration_uuid = $1 AND phase = $4 AND token = $5)"""

BATCH_IS_IN = "SELECT 1 FROM ybvoyager.import_batches WHERE chunk_id = $1 AND batch_no = $2"


@dataclass(frozen=True)
class Batch:
    """What one target transaction loads: blocks [batch_no, batch_no + blocks) of a chunk's file.

    `rows`, `ignored` (there already under the same key) and `quarantined` (set aside) are together all of its rows;
    `updated` are those of `rows` that took the place of a row with the same key.
    """

    migration_uuid: UUID
    chunk_id: UUID
    batch_no: int
    blocks: int
    snapshot: str
    schema: str
    table: str
    rows: int
    bytes: int
    lease_token: UUID
    quarantined: int = 0
    ignored: int = 0
    updated: int = 0


class BatchIsIn(VoyagerError):
    """The ledger holds this batch already: roll back, nothing of it is missing."""

    def __init__(self, batch: Batch) -> None:
        super().__init__(
            f"Batch {batch.batch_no} of chunk {batch.chunk_id} is in the target already.",
            "Run the same command again; it reads the ledger first.",
        )


async def read_lease(execute: Execute, lease: Lease) -> None:
    """Fail early: raise LeaseLost when the lease is no longer ours. Takes no lock."""
    if await execute(READ_LEASE, lease.migration_uuid, lease.phase, lease.token) is None:
        raise lost(lease)


async def record_batch(execute: Execute, batch: Batch) -> None:
    """Write the batch's ledger row in the transaction that loads it; raises BatchIsIn when it is there."""
    row = await execute(
        RECORD_BATCH,
        batch.chunk_id,
        batch.batch_no,
        batch.blocks,
        batch.migration_uuid,
        batch.snapshot,
        batch.schema,
        batch.table,
        batch.rows,
        batch.bytes,
        batch.quarantined,
        batch.ignored,
        batch.updated,
        batch.lease_token,
    )
    if row is None:
        raise BatchIsIn(batch)


async def record_batches(execute: Execute, batches: Sequence[Batch]) -> None:
    """Write the ledger rows of streamed parts (one block each, all rows in) of one snapshot, in the transaction that
    loads all of them; raises BatchIsIn when one is there."""
    first = batches[0]
    row = await execute(
        RECORD_BATCHES,
        first.migration_uuid,
        first.snapshot,
        first.lease_token,
        [batch.chunk_id for batch in batches],
        [batch.schema for batch in batches],
        [batch.table for batch in batches],
        [batch.rows for batch in batches],
        [batch.bytes for batch in batches],
    )
    if row is None or row["recorded"] != len(batches):
        raise BatchIsIn(first)


async def hold_lease(execute: Execute, lease: Lease) -> None:
    """The last statement before COMMIT: keep the lease ours until the commit is done, or raise LeaseLost."""
    if await execute(HOLD_LEASE, lease.migration_uuid, lease.phase, lease.token) is None:
        raise lost(lease)


async def batch_is_in(execute: Execute, chunk_id: UUID, batch_no: int) -> bool:
    """Settle an ambiguous commit, on a new connection: did it happen?"""
    return await execute(BATCH_IS_IN, chunk_id, batch_no) is not None


async def forget_table(execute: Execute, lease: Lease, *, schema: str, table: str) -> None:
    """Forget every batch of one table, and its rows that were set aside, after it was emptied; who lost the lease
    forgets nothing."""
    for statement in (FORGET_SET_ASIDE, FORGET_TABLE):
        await execute(statement, lease.migration_uuid, schema, table, lease.phase, lease.token)
