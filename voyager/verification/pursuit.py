"""The searches for differing rows: several at once, beside the comparison of chunks that finds where to look."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import replace

from voyager.identifiers import TableName
from voyager.verification.chunks import Plan
from voyager.verification.compare import ChunkResult, Query, compare
from voyager.verification.digest import Method
from voyager.verification.findings import CONVERTED, EXTRA, MISSING, ROUNDED, RowDifference
from voyager.verification.forms import SOURCE, TARGET, converted
from voyager.verification.locate import Search, Ways
from voyager.verification.queries import Part, shown_sql
from voyager.verification.readers import LOOK_UP_SECONDS, Readers
from voyager.verification.request import Request
from voyager.verification.structure import Shape
from voyager.verification.tally import Named, Tally

VALUES_AT_ONCE = 500


def ways_of(plan: Plan, there: Shape, method: Method, request: Request) -> Ways:
    """How the rows of a table are told apart, and what the request excuses."""
    excuses = []
    columns = plan.columns
    if request.float_tolerance and any(form.rounded for form in columns):
        columns = tuple(form.once_rounded for form in columns)
        excuses.append((ROUNDED, columns))
    declared = {column: sql for (table, column), sql in request.conversions.items() if table == plan.table}
    if declared:
        shapes = {column.name: column for column in there.columns}
        columns = tuple(
            converted(form, shapes[form.column], declared[form.column], method) if form.column in declared else form
            for form in columns
        )
        excuses.append((CONVERTED, columns))
    return Ways(method, tuple(excuses))


class Pursuit:
    """Follows unequal chunks to their rows. Everything that is raised in a search is raised to the caller."""

    def __init__(
        self,
        source: Readers,
        target: Readers,
        ways: Mapping[TableName, Ways],
        *,
        jobs: int,
        look_up: Callable[[], None],
    ) -> None:
        self._source = source
        self._target = target
        self._ways = ways
        self._jobs = jobs
        self._look_up = look_up
        self._order = threading.Lock()
        self._running: set[Future[None]] = set()
        self._threads = ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="verify-rows")

    def __enter__(self) -> Pursuit:
        return self

    def __exit__(self, *failure: object) -> None:
        # Searches that still run end with the sides, which the caller closes.
        self._threads.shutdown(wait=False, cancel_futures=True)

    def follow(self, query: Query, results: Iterable[ChunkResult], named: Named) -> None:
        """Begin the search for the rows of a query's unequal chunks."""
        unequal = [result for result in results if result.unequal]
        if not unequal:
            return
        chunk = unequal[0].chunk
        groups = tuple(sorted(group for result in unequal for group in result.unequal))
        rows = sum(result.unequal_rows for result in unequal)
        everything = sum(max(result.source_rows, result.target_rows) for result in results)
        last_bits = chunk.buckets - 1

        def tell(place: int, row: RowDifference) -> None:
            named.add(chunk.number if chunk.bucket is None else place & last_bits, place, row)

        search = Search(
            Part(query.plan, chunk, chunk.grouping, groups),
            rows=rows,
            share=rows / max(1, everything),
            ways=self._ways[query.plan.table],
            source=self._source,
            target=self._target,
            order=self._order,
            tell=tell,
        )
        self._running.add(self._threads.submit(search.run))
        self._raise_failures()

    def finish(self) -> None:
        """Wait for the searches."""
        while self._running:
            self._look_up()
            wait(self._running, timeout=LOOK_UP_SECONDS, return_when=FIRST_EXCEPTION)
            self._raise_failures()

    def compare_again(self, tallies: Iterable[Tally], method: Method) -> Iterator[tuple[Tally, list[ChunkResult]]]:
        """The chunks that were not equal though no row of theirs differs: they were written meanwhile, or will be
        found unequal again."""
        by_table = {tally.plan.table: tally for tally in tallies}
        doubtful = [query for tally in by_table.values() for query in _doubtful(tally)]
        sides = (self._source, self._target)
        for query, results in compare(doubtful, *sides, method=method, jobs=self._jobs, checkpoint=self._look_up):
            yield by_table[query.plan.table], results

    def show_values(self, tallies: Iterable[Tally]) -> None:
        """Fill in the values of the rows that are named."""
        for tally in tallies:
            rows = tally.named.first()
            for first in range(0, len(rows), VALUES_AT_ONCE):
                self._look_up()
                part = rows[first : first + VALUES_AT_ONCE]
                tally.named.replace(dict(zip(part, self._with_values(tally.plan, part), strict=True)))

    def _with_values(self, plan: Plan, rows: tuple[RowDifference, ...]) -> Iterator[RowDifference]:
        doing = f"read values of {plan.table}"
        sides = ((SOURCE, self._source), (TARGET, self._target))
        asked = [readers.submit(*shown_sql(plan, side, rows), doing) for side, readers in sides]
        here, there = ({int(place) - 1: texts for place, texts in one.result()} for one in asked)
        names = [form.column for form in plan.columns]
        for place, row in enumerate(rows):
            ours = here.get(place) if row.kind != EXTRA else None
            theirs = there.get(place) if row.kind != MISSING else None
            nothing = [None] * len(names)
            pairs = zip(names, ours or nothing, theirs or nothing, strict=True)
            yield replace(row, values=tuple(pair for pair in pairs if not row.columns or pair[0] in row.columns))

    def _raise_failures(self) -> None:
        for future in [future for future in self._running if future.done()]:
            self._running.discard(future)
            future.result()


def _doubtful(tally: Tally) -> Iterator[Query]:
    doubtful = tuple(
        result.chunk for result in tally.unequal if result.unequal and not tally.named.found_in[result.chunk.number]
    )
    if doubtful and tally.plan.bucketed:
        yield Query(tally.plan, doubtful)
    else:
        yield from (Query(tally.plan, (chunk,)) for chunk in doubtful)
