"""One verification from beginning to end: structure, rows chunk by chunk, sequences; resumable."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from voyager.errors import PermissionMissing
from voyager.identifiers import TableName
from voyager.progress import Report, TableProgress
from voyager.store.record import VerificationChunk
from voyager.verification.chunks import Plan, plan_table
from voyager.verification.compare import ChunkResult, Query, compare
from voyager.verification.digest import Method, choose_method, describe_server
from voyager.verification.findings import Difference, Found, RowDifference, TableResult
from voyager.verification.journal import Journal
from voyager.verification.locate import locate
from voyager.verification.readers import Readers
from voyager.verification.request import Request
from voyager.verification.sequences import compare_sequences
from voyager.verification.structure import Shape, read_shapes, structural_differences, structural_notes

CHUNKS_LOCATED = 20
"""In how many unequal chunks rows are looked for; the others are named as chunks."""

SAVE_EVERY = 1.0


@dataclass
class Tally:
    """One table while its chunks come in."""

    plan: Plan
    fence: str
    results: list[ChunkResult] = field(default_factory=list)
    reused: int = 0

    @property
    def unequal(self) -> list[ChunkResult]:
        return [result for result in self.results if not result.equal]

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.plan.chunks)

    @property
    def rows(self) -> int:
        return sum(result.source_rows for result in self.results)


@dataclass
class Keeper:
    """Takes results into the journal, several with one write, at most a second late."""

    journal: Journal
    unsaved: list[VerificationChunk] = field(default_factory=list)
    saved_at: float = field(default_factory=time.monotonic)

    def add(self, chunks: list[VerificationChunk]) -> None:
        self.unsaved += chunks
        self.save_if_due()

    def save_if_due(self) -> None:
        if self.unsaved and time.monotonic() - self.saved_at >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        if self.unsaved:
            self.journal.put(self.unsaved)
        self.unsaved, self.saved_at = [], time.monotonic()


@dataclass
class Verification:
    """Two sides, what to compare, and who listens."""

    request: Request
    source: Readers
    target: Readers
    journal: Journal
    report: Report
    checkpoint: Callable[[], None]

    def run(self) -> Found:
        """Compare everything asked for. Differences are found, never raised."""
        method = self._choose_method()
        found = Found(method.name if self.request.level == "checksum" else "counts")
        pairs = self._pair_up(found)
        tallies = self._plan(pairs, method)
        self._compare(tallies, method)
        self._judge(tallies, method, found)
        self.checkpoint()
        found.differences += compare_sequences(self.request.sequences, self.target)
        return found

    def _choose_method(self) -> Method:
        here, there = (side.use(describe_server, "ask for the version") for side in (self.source, self.target))
        return choose_method(here, there)

    def _pair_up(self, found: Found) -> list[tuple[Shape, Shape]]:
        """Match the tables by name; what is missing on a side is a difference, what may not be read an error."""
        names = [table.name for table in self.request.tables]
        doing = "read the tables' columns"
        here = self.source.use(partial(read_shapes, names=names, sized=True), doing)
        there = self.target.use(partial(read_shapes, names=names), doing)
        _refuse_unreadable(here.values(), "source")
        _refuse_unreadable(there.values(), "target")
        pairs = []
        for name in names:
            if name in here and name in there:
                found.differences += structural_differences(here[name], there[name])
                found.notes += structural_notes(here[name], there[name])
                pairs.append((here[name], there[name]))
            else:
                side = "target" if name in here else "source"
                finding = f"Table {name} does not exist in the {side}."
                found.differences.append(Difference("table", str(name), finding))
        return pairs

    def _plan(self, pairs: list[tuple[Shape, Shape]], method: Method) -> list[Tally]:
        """Largest first, so that no long table is left for the end."""
        counts_only = self.request.level == "counts"
        rows_per_chunk = self.request.rows_per_chunk
        tallies = []
        for here, there in sorted(pairs, key=lambda pair: -pair[0].rows_estimated):
            self.checkpoint()
            plan = self.source.use(
                partial(
                    plan_table,
                    here=here,
                    there=there,
                    method=method,
                    counts_only=counts_only,
                    rows_per_chunk=rows_per_chunk,
                ),
                f"plan the verification of {here.name}",
            )
            tallies.append(Tally(plan, self._fence(plan, method)))
        return tallies

    def _fence(self, plan: Plan, method: Method) -> str:
        """The point and the way of comparison: a saved chunk with another fence says nothing about this one."""
        counter = (self.request.counters or {}).get(plan.table)
        state = [counter.writes, counter.identity] if counter else None
        forms = [(form.column, form.described) for form in (*plan.columns, *plan.key)]
        way = [self.request.level, method.name, forms, state]
        return hashlib.sha256(json.dumps(way).encode()).hexdigest()[:32]

    def _compare(self, tallies: list[Tally], method: Method) -> None:
        by_table = {tally.plan.table: tally for tally in tallies}
        self._reuse(by_table)
        waiting = [query for tally in tallies for query in _open_queries(tally)]
        for tally in tallies:
            self._tell(tally)
        keeper = Keeper(self.journal)

        def look_up() -> None:
            self.checkpoint()
            keeper.save_if_due()

        for query, results in compare(
            waiting,
            self.source,
            self.target,
            method=method if self.request.level == "checksum" else None,
            jobs=self.request.jobs,
            checkpoint=look_up,
        ):
            tally = by_table[query.plan.table]
            tally.results += results
            keeper.add([_saved(result, tally.fence) for result in results])
            self._tell(tally)
        keeper.save()

    def _reuse(self, by_table: dict[TableName, Tally]) -> None:
        """Take over the chunks that an earlier attempt found equal; unequal ones are always compared again."""
        chunks = {(tally.plan.table, chunk.number): chunk for tally in by_table.values() for chunk in tally.plan.chunks}
        for saved in self.journal.load():
            chunk = chunks.get((TableName(saved.schema, saved.table), saved.chunk))
            if chunk is None or saved.state != "equal" or (saved.lo, saved.hi) != (chunk.lo, chunk.hi):
                continue
            tally = by_table[chunk.table]
            if saved.fence == tally.fence:
                rows = saved.source_rows or 0
                tally.results.append(ChunkResult(chunk, rows, rows, saved.source_sum, saved.source_sum))
                tally.reused += 1

    def _tell(self, tally: Tally) -> None:
        name = tally.plan.table
        status = "DONE" if tally.done else "VERIFYING" if tally.results else "QUEUED"
        self.report(
            TableProgress(
                name.schema,
                name.name,
                status,
                rows_done=tally.rows,
                rows_total=tally.rows if tally.done else None,
                rows_estimated=tally.plan.rows_estimated,
                message=f"{len(tally.unequal)} of {len(tally.plan.chunks)} chunks differ" if tally.unequal else "",
            )
        )

    def _judge(self, tallies: list[Tally], method: Method, found: Found) -> None:
        left = CHUNKS_LOCATED
        for tally in sorted(tallies, key=lambda tally: tally.plan.table):
            unequal = sorted(tally.unequal, key=lambda result: result.chunk.number)
            for result in unequal:
                self.checkpoint()
                rows: tuple[RowDifference, ...] = ()
                if left > 0 and self.request.level == "checksum":
                    left -= 1
                    rows = locate(tally.plan, result.chunk, self.source, self.target, method)
                found.differences.append(_rows_differ(result, rows))
            found.tables.append(_table_result(tally))


def _refuse_unreadable(shapes: Iterable[Shape], side: str) -> None:
    """Name every missing grant at once."""
    closed = [shape.name for shape in shapes if not shape.readable]
    if closed:
        raise PermissionMissing(
            f"{len(closed)} tables of the {side} may not be read: {', '.join(map(str, closed[:5]))}.",
            f"Grant what is listed on the {side}, replacing <role> by the role that connects.",
            tuple(f"GRANT SELECT ON {name.sql} TO <role>;" for name in closed),
        )


def _open_queries(tally: Tally) -> Iterable[Query]:
    """The queries for chunks that no earlier attempt settled. One query reads all buckets: then all are read again."""
    settled = {result.chunk.number for result in tally.results}
    if tally.plan.bucketed and len(settled) < len(tally.plan.chunks):
        tally.results.clear()
        tally.reused = 0
        settled = set()
    for chunks in tally.plan.queries:
        if chunks[0].number not in settled:
            yield Query(tally.plan, chunks)


def _saved(result: ChunkResult, fence: str) -> VerificationChunk:
    chunk = result.chunk
    return VerificationChunk(
        schema=chunk.table.schema,
        table=chunk.table.name,
        chunk=chunk.number,
        lo=chunk.lo,
        hi=chunk.hi,
        source_rows=result.source_rows,
        target_rows=result.target_rows,
        source_sum=result.source_sum,
        target_sum=result.target_sum,
        state="equal" if result.equal else "different",
        fence=fence,
    )


def _rows_differ(result: ChunkResult, rows: tuple[RowDifference, ...]) -> Difference:
    chunk = result.chunk
    if result.source_rows != result.target_rows:
        says = f"{result.source_rows} rows in the source, {result.target_rows} in the target"
    else:
        says = f"{result.source_rows} rows on both sides, not all the same"
    return Difference(
        "rows",
        str(chunk.table),
        f"Table {chunk.table}, chunk {chunk.number} ({chunk.where}): {says}.",
        source_rows=result.source_rows,
        target_rows=result.target_rows,
        rows=rows,
        ranges=(chunk.where,),
    )


def _table_result(tally: Tally) -> TableResult:
    return TableResult(
        table=tally.plan.table,
        state="different" if tally.unequal else "equal",
        source_rows=tally.rows,
        target_rows=sum(result.target_rows for result in tally.results),
        chunks=len(tally.plan.chunks),
        chunks_different=len(tally.unequal),
        chunks_reused=tally.reused,
        chunks_compared=len(tally.results),
        forms={form.column: form.described for form in tally.plan.columns},
        note=tally.plan.note,
    )
