"""One verification from beginning to end: structure, rows chunk by chunk, sequences; resumable."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from voyager.errors import PermissionMissing
from voyager.identifiers import TableName
from voyager.progress import Report
from voyager.store.record import VerificationChunk
from voyager.verification.chunks import Plan, plan_table
from voyager.verification.compare import ChunkResult, Query, compare, settings_for
from voyager.verification.counterpart import Counterparts
from voyager.verification.digest import Method, choose_method, describe_server
from voyager.verification.findings import Difference, Found, RowDifference
from voyager.verification.journal import Journal
from voyager.verification.locate import Ways
from voyager.verification.pursuit import Pursuit, ways_of
from voyager.verification.readers import NO_SETTINGS, Readers
from voyager.verification.repair_read import Concerned
from voyager.verification.request import Request
from voyager.verification.rows_cuts import in_key_order
from voyager.verification.rows_level import RowByRow
from voyager.verification.rows_plan import concerned
from voyager.verification.sample import draw
from voyager.verification.sequences import compare_sequences
from voyager.verification.set_aside import TableAside
from voyager.verification.structure import Shape, read_shapes, structural_differences, structural_notes
from voyager.verification.tally import Listener, Named, Tally

SAVE_EVERY = 1.0


@dataclass
class Keeper:
    """Takes results into the journal, several with one write, at most a second late."""

    journal: Journal
    unsaved: list[VerificationChunk] = field(default_factory=list)
    saved_at: float = field(default_factory=time.monotonic)

    def add(self, results: Iterable[ChunkResult], fence: str) -> None:
        self.unsaved += [_saved(result, fence) for result in results]
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
    """Two sides, what to compare, and who listens: `on_row` gets every differing row, from several threads, one at a
    time for each table. `concerned` is what repair SQL asks of the tables, once they are compared."""

    request: Request
    source: Readers
    target: Readers
    journal: Journal
    report: Report
    checkpoint: Callable[[], None]
    on_row: Listener | None = None
    concerned: tuple[Concerned, ...] = ()

    def run(self) -> Found:
        """Compare everything asked for. Differences are found, never raised."""
        begun = time.monotonic()
        method = self._choose_method()
        found = Found(method.name if self.request.level == "checksum" else self.request.level)
        pairs = self._pair_up(found)
        tallies = self._plan(pairs, method)
        self.concerned = tuple(concerned(tally.plan, method) for tally in tallies)
        self._compare(tallies, pairs, method, begun)
        for tally in sorted(tallies, key=lambda tally: tally.plan.table):
            difference = tally.difference()
            found.differences += [difference] if difference else []
            found.tables.append(tally.result(self.request.rows_known.get(tally.plan.table, 0)))
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
                found.differences.append(Difference("table", str(name), finding, judged="missing"))
        return pairs

    def _plan(self, pairs: list[tuple[Shape, Shape]], method: Method) -> list[Tally]:
        """Largest first, so that no long table is left for the end."""
        tallies = []
        for here, there in sorted(pairs, key=lambda pair: -pair[0].rows_estimated):
            self.checkpoint()
            read = partial(
                plan_table,
                here=here,
                there=there,
                method=method,
                counts_only=self.request.level == "counts",
                rows_per_chunk=self.request.rows_per_chunk,
                rows_per_group=self.request.rows_per_group,
                since=self.request.since.get(here.name),
            )
            doing = f"plan the verification of {here.name}"
            plan = self.source.use(read, doing)
            if self.request.level == "rows":
                rows_per_chunk = self.request.rows_per_chunk
                cut = partial(in_key_order, plan=plan, here=here, there=there, method=method)
                plan = self.source.use(partial(cut, rows_per_chunk=rows_per_chunk), doing)
            if self.request.since and plan.table not in self.request.since:
                plan = replace(plan, note="compared whole: --since names no column of it")
            aside = TableAside.of(
                self.request.set_aside.get(plan.table, ()), [form.column for form in plan.key], plan.key_types[0]
            )
            named = Named(
                plan.table,
                self.request.max_differences,
                keyed=bool(plan.key),
                since=plan.since,
                listener=self.on_row,
                aside=aside,
            )
            drawing = partial(draw, plan=plan, share=self.request.sample, method=method)
            drawn = self.source.use(drawing, doing, settings=settings_for(plan) if plan.bucketed else NO_SETTINGS)
            tallies.append(Tally(plan, drawn, self._fence(plan, method), named))
        return tallies

    def _fence(self, plan: Plan, method: Method) -> str:
        """The point and the way of comparison: a saved chunk with another fence says nothing about this one."""
        counter = (self.request.counters or {}).get(plan.table)
        state = [counter.writes, counter.identity] if counter else None
        forms = [(form.column, form.described) for form in (*plan.columns, *plan.key)]
        asked = self.request.since.get(plan.table)
        since = [asked.column, asked.value] if asked else None
        way = [self.request.level, method.name, forms, state, since]
        return hashlib.sha256(json.dumps(way).encode()).hexdigest()[:32]

    def _compare(self, tallies: list[Tally], pairs: list[tuple[Shape, Shape]], method: Method, begun: float) -> None:
        """Compare chunk by chunk; where one is not equal, the search for its rows begins beside the next chunks."""
        by_table = {tally.plan.table: tally for tally in tallies}
        self._reuse(by_table)
        for tally in tallies:
            self.report(tally.progress())
        keeper, counterparts = Keeper(self.journal), Counterparts(self.source, self.target)
        in_part = [tally for tally in tallies if tally.plan.since]

        def look_up(*, ended: bool = False) -> None:
            self.checkpoint()
            keeper.save_if_due()
            for tally in in_part:
                counterparts.settle(tally, ways[tally.plan.table], all_of_them=ended)

        by_checksum = self.request.level == "checksum"
        there = {shape.name: shape for _, shape in pairs}
        ways = {
            tally.plan.table: ways_of(tally.plan, there[tally.plan.table], method, self.request) for tally in tallies
        }
        with Pursuit(self.source, self.target, ways, jobs=self.request.jobs, look_up=look_up) as pursuit:
            for query, results in self._results(by_table, ways, method, look_up, begun):
                tally = by_table[query.plan.table]
                tally.take(results)
                tally.ended = time.monotonic()
                keeper.add(results, tally.fence)
                if by_checksum:
                    pursuit.follow(query, results, tally.named)
                self.report(tally.progress())
            pursuit.finish()
            look_up(ended=True)
            for tally, results in pursuit.compare_again(tallies, method) if by_checksum else ():
                tally.take(results)
                keeper.add(results, tally.fence)
            if self.request.show_values:
                pursuit.show_values(tallies if by_checksum else in_part)
        keeper.save()

    def _results(
        self,
        by_table: dict[TableName, Tally],
        ways: dict[TableName, Ways],
        method: Method,
        look_up: Callable[[], None],
        begun: float,
    ) -> Iterator[tuple[Query, list[ChunkResult]]]:
        """What comparing gives, chunk by chunk, in the way of the level."""
        request, waiting = self.request, self._waiting(list(by_table.values()), begun)
        if request.level == "rows":

            def tell(table: TableName, chunk: int, place: int, row: RowDifference) -> None:
                by_table[table].named.add(chunk, place, row)

            by_rows = RowByRow(self.source, self.target, ways, tell, look_up, self._may_begin, request.show_values)
            return by_rows.compare(waiting, jobs=request.jobs)
        return compare(
            waiting,
            self.source,
            self.target,
            method=method if request.level == "checksum" else None,
            jobs=request.jobs,
            checkpoint=look_up,
            may_begin=self._may_begin,
        )

    def _waiting(self, tallies: list[Tally], begun: float) -> Iterator[Query]:
        """The queries that are still to be asked, until time is up."""
        for tally in tallies:
            for query in _open_queries(tally):
                if self.request.max_duration is not None and time.monotonic() - begun >= self.request.max_duration:
                    return
                tally.begun = tally.begun or time.monotonic()
                yield query

    def _may_begin(self) -> bool:
        return self.request.max_load is None or not self.request.max_load()

    def _reuse(self, by_table: dict[TableName, Tally]) -> None:
        """Take over the chunks that an earlier attempt found equal; unequal ones are always compared again."""
        chunks = {(tally.plan.table, chunk.number): chunk for tally in by_table.values() for chunk in tally.plan.chunks}
        for saved in self.journal.load():
            chunk = chunks.get((TableName(saved.schema, saved.table), saved.chunk))
            if chunk is None or saved.state != "equal" or (saved.lo, saved.hi) != (chunk.lo, chunk.hi):
                continue
            tally = by_table[chunk.table]
            if saved.fence == tally.fence and chunk.number in tally.wanted:
                rows = saved.source_rows or 0
                tally.take([ChunkResult(chunk, rows, rows, saved.source_sum, saved.source_sum)])
                tally.reused += 1
                tally.rows_reused += rows


def _refuse_unreadable(shapes: Iterable[Shape], side: str) -> None:
    """Name every missing grant at once."""
    closed = [shape.name for shape in shapes if not shape.readable]
    if closed:
        raise PermissionMissing(
            f"{len(closed)} tables of the {side} may not be read: {', '.join(map(str, closed[:5]))}.",
            f"Grant what is listed on the {side}, replacing <role> by the role that connects.",
            tuple(f"GRANT SELECT ON {name.sql} TO <role>;" for name in closed),
        )


def _open_queries(tally: Tally) -> Iterator[Query]:
    """The queries for chunks that no earlier attempt settled. One query reads all buckets: then all are read again."""
    if tally.plan.bucketed and not tally.done:
        tally.results.clear()
        tally.reused = tally.rows_reused = 0
    for chunks in tally.plan.queries:
        wanted = tuple(chunk for chunk in chunks if chunk.number in tally.wanted and chunk.number not in tally.results)
        if wanted:
            yield Query(tally.plan, wanted)


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
