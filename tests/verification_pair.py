"""A pair of databases and the engine of verification between them, without the command around it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests import drive
from voyager.catalog import Catalog
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.postgres.connection import connect
from voyager.progress import TableProgress
from voyager.sources.postgresql.catalog import read_catalog
from voyager.store.record import VerificationChunk
from voyager.verification.findings import Difference, Found
from voyager.verification.readers import Readers
from voyager.verification.request import ROWS_PER_CHUNK, Request
from voyager.verification.run import Verification
from voyager.verification.tally import Listener


@dataclass
class MemoryJournal:
    """The journal as the store keeps it: one row per chunk, the newest wins."""

    chunks: dict[tuple[TableName, int], VerificationChunk] = field(default_factory=dict)

    def load(self) -> list[VerificationChunk]:
        return list(self.chunks.values())

    def put(self, chunks: list[VerificationChunk]) -> None:
        self.chunks |= {(TableName(chunk.schema, chunk.table), chunk.chunk): chunk for chunk in chunks}


def go_on() -> None:
    """Nobody stops it."""


def unheard(progress: TableProgress) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Pair:
    """A source and a target database."""

    source: Endpoint
    target: Endpoint

    def both(self, sql: str) -> None:
        drive.execute(self.source, sql)
        drive.execute(self.target, sql)

    def catalog(self) -> Catalog:
        with connect(self.source, "test") as connection:
            return read_catalog(connection, ())

    def verify(
        self,
        *,
        rows_per_chunk: int = ROWS_PER_CHUNK,
        rows_per_group: int = 64,
        journal: MemoryJournal | None = None,
        counters: dict[TableName, WriteCounter] | None = None,
        checkpoint: Callable[[], None] = go_on,
        report: Callable[[TableProgress], None] = unheard,
        catalog: Catalog | None = None,
        on_row: Listener | None = None,
        **options: Any,
    ) -> Found:
        """Compare all tables; chunks and groups are small, so that few rows make many of them."""
        catalog = catalog or self.catalog()
        request = Request(
            tuple(table for table in catalog.tables if table.kind in ("table", "partition")),
            catalog.sequences,
            counters=counters,
            rows_per_chunk=rows_per_chunk,
            rows_per_group=rows_per_group,
            **{"jobs": 2, **options},
        )
        with self.readers(checkpoint, request.jobs) as (source, target):
            journal = journal or MemoryJournal()
            return Verification(request, source, target, journal, report, checkpoint, on_row).run()

    @contextlib.contextmanager
    def readers(self, checkpoint: Callable[[], None] = go_on, jobs: int = 2) -> Iterator[tuple[Readers, Readers]]:
        def reader(name: str, end: Endpoint) -> Readers:
            opened = lambda: connect(end, "verify")  # noqa: E731
            return Readers(name, opened, limit=jobs, checkpoint=checkpoint, outage_budget=120.0)

        source, target = reader("source", self.source), reader("target", self.target)
        try:
            yield source, target
        finally:
            source.close()
            target.close()


def rows_of(found: Found) -> Difference:
    """The one difference there is."""
    (difference,) = found.differences
    assert difference.kind == "rows"
    return difference
