"""Two databases that a test makes different, and the repair files that are written and run between them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import snapshot
from voyager.catalog import Table
from voyager.endpoint import Endpoint
from voyager.errors import LeaseLost
from voyager.identifiers import TableName
from voyager.postgres.connection import connect
from voyager.sources.postgresql.catalog import read_catalog
from voyager.verification.chunks import Chunk, Plan, plan_table
from voyager.verification.digest import Method
from voyager.verification.readers import Readers
from voyager.verification.repair_apply import Applier, TableRepair
from voyager.verification.repair_files import Origin, RepairFile, spool, write_files
from voyager.verification.repair_list import RepairList
from voyager.verification.rows import RowComparison
from voyager.verification.rows_plan import concerned, row_range
from voyager.verification.structure import read_shapes


@dataclass
class Pair:
    """Two databases, and the directory for repair files between them."""

    source: Endpoint
    target: Endpoint
    directory: Path

    def both(self, sql: str) -> None:
        drive.execute(self.source, sql)
        drive.execute(self.target, sql)

    def write(self, *, replication_role: bool = True, by_place: bool = True) -> list[RepairFile]:
        """Compare all tables row by row and write what repairs them."""
        origin = Origin("2026-01-01T00:00:00Z", "the source", "the target", None, replication_role, by_place)
        found = spool(self.directory)
        method = Method(digest="md5")
        with self._readers() as (source, target):
            plans = [self._plan(table, source, target, method) for table in self._tables()]
            comparison = RowComparison(source, target, lambda part, row: found.add(part.table, row))
            list(comparison.run((row_range(plan, plan.chunks[0], method) for plan in plans), jobs=2))
            return write_files(found, [concerned(plan, method) for plan in plans], source, target, origin)

    def run_files(self) -> None:
        """Run every file as a person would, in a session that prints and reads everything differently."""
        for one in RepairList.load(self.directory).files:
            with drive.connect(self.target) as connection:
                connection.execute(
                    "SET DateStyle TO 'SQL, DMY'; SET IntervalStyle TO 'iso_8601'; SET xmloption TO document"
                )
                connection.execute("SET TimeZone TO 'Asia/Kolkata'; SET extra_float_digits TO -3")
                connection.execute((self.directory / one.name).read_bytes())

    def apply(self, hold_lease: Callable[[Any], None] = lambda _: None) -> list[TableRepair]:
        with drive.connect(self.target) as connection:
            return Applier(connection, hold_lease, lambda: None).apply(RepairList.load(self.directory))

    def apply_until(self, transaction: int) -> None:
        """Lose the lease at the end of this one, counted from 1: it and all that would follow must not be."""
        ended: list[int] = []

        def hold(_: Any) -> None:
            ended.append(1)
            if len(ended) == transaction:
                raise LeaseLost("taken over")

        with pytest.raises(LeaseLost):
            self.apply(hold)

    def assert_equal(self) -> None:
        assert snapshot(self.target) == snapshot(self.source)

    def tables_of(self, end: Endpoint) -> list[TableName]:
        with connect(end, "test") as connection:
            return [one.name for one in read_catalog(connection, ()).tables]

    def _tables(self) -> tuple[Table, ...]:
        with connect(self.source, "test") as connection:
            return tuple(one for one in read_catalog(connection, ()).tables if one.kind in ("table", "partition"))

    @staticmethod
    def _plan(table: Table, source: Readers, target: Readers, method: Method) -> Plan:
        """All rows in one part: buckets of a hash have no order."""
        here, there = (
            side.use(partial(read_shapes, names=[table.name]), "read the columns")[table.name]
            for side in (source, target)
        )
        plan = plan_table(None, here, there, method=method, counts_only=False)
        return replace(plan, chunks=(Chunk(plan.table, 0),)) if plan.bucketed else plan

    @contextlib.contextmanager
    def _readers(self) -> Iterator[tuple[Readers, Readers]]:
        made = [
            Readers(name, partial(connect, end, "verify"), limit=2, checkpoint=lambda: None)
            for name, end in (("source", self.source), ("target", self.target))
        ]
        try:
            yield made[0], made[1]
        finally:
            for side in made:
                side.close()
