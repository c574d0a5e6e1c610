"""The chunks of an export that wrote no files: their ids, and manifests that say what the ledger must hold."""

from __future__ import annotations

import json
from uuid import UUID, uuid5

from voyager.data_file import Block, ChunkManifest
from voyager.errors import NotAllowed
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.load.plan import Ledger
from voyager.ports import ChunkRange

_SHOWN = 20


def chunk_id(attempt: ExportAttempt, part: ChunkRange) -> UUID:
    """The same for every reading of a part within one attempt, so that the ledger tells whether it is in."""
    return uuid5(UUID(attempt.id), json.dumps([part.table.schema, part.table.name, part.ordinal]))


def manifests(attempt: ExportAttempt) -> list[ChunkManifest]:
    """What a completed streamed export put into the target, as one block a part. There are no files to them."""
    columns = {table.name: tuple(name for name, _ in table.columns) for table in attempt.tables}
    return [
        ChunkManifest(
            chunk_id=str(chunk_id(attempt, part)),
            attempt=attempt.id,
            table=part.table,
            ordinal=part.ordinal,
            predicate=part.predicate,
            columns=columns[part.table],
            snapshot=snapshot,
            compression="none",
            rows=rows,
            bytes=size,
            length=0,
            blocks=(Block(0, 0, rows, size, ""),) if rows else (),
        )
        for part, (snapshot, rows, size) in zip(attempt.parts, attempt.loaded, strict=True)
    ]


def check_streamed(attempt: ExportAttempt, chunks: list[ChunkManifest], ledger: Ledger) -> None:
    """Raise NotAllowed when the ledger does not vouch for all that was streamed: there are no files to load it from."""
    known = {chunk.chunk_id: ledger.rows(chunk.chunk_id) + ledger.set_aside(chunk.chunk_id) for chunk in chunks}
    short = [chunk for chunk in chunks if known[chunk.chunk_id] != chunk.rows] if attempt.streamed else []
    if short:
        raise NotAllowed(
            f"{len(short):,} of {len(chunks):,} parts that export data streamed are not in the target any more, and "
            "there are no files to load them from.",
            "Stream them again: yb-voyager migrate export data --stream --start-clean.",
            tuple(f"{chunk.table}: part {chunk.ordinal}" for chunk in short[:_SHOWN]),
        )
