"""Compare chunks: both sides count and sum at the same time, several chunks at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from voyager.verification.chunks import Chunk, Plan
from voyager.verification.digest import Method
from voyager.verification.halving import read_in_halves
from voyager.verification.queries import Statement, count_sql, sums_sql
from voyager.verification.readers import LOOK_UP_SECONDS, OF_A_RANGE, Readers, Settings


@dataclass(frozen=True)
class ChunkResult:
    """What one chunk came to.

    The sums are decimal text, None where only rows were counted. `unequal` are its groups that are not the same, and
    `unequal_rows` how many rows the larger side has in them.
    """

    chunk: Chunk
    source_rows: int
    target_rows: int
    source_sum: str | None
    target_sum: str | None
    unequal: tuple[int, ...] = ()
    unequal_rows: int = 0

    @property
    def equal(self) -> bool:
        return not self.unequal and self.source_rows == self.target_rows and self.source_sum == self.target_sum


Sums = dict[int, tuple[int, str | None]]
"""Group -> rows, sum."""


@dataclass(frozen=True)
class Query:
    """The chunks that one query on each side reads."""

    plan: Plan
    chunks: tuple[Chunk, ...]

    @property
    def sampled(self) -> tuple[int, ...]:
        """The buckets to be read, when not all of them are."""
        first = self.chunks[0]
        if first.bucket is None or len(self.chunks) == first.buckets:
            return ()
        return tuple(chunk.number for chunk in self.chunks)


def compare(
    queries: Iterable[Query],
    source: Readers,
    target: Readers,
    *,
    method: Method | None,
    jobs: int,
    checkpoint: Callable[[], None],
    may_begin: Callable[[], bool] = lambda: True,
) -> Iterator[tuple[Query, list[ChunkResult]]]:
    """Yield each query with the results of its chunks, in the order in which they end.

    `method` None counts rows only. At most `jobs` queries run on each side; none is begun while `may_begin()` says no;
    what `checkpoint` raises ends it all.
    """
    waiting, exhausted = iter(queries), False
    running: dict[Future[Any], tuple[Query, Future[Any], Future[Any]]] = {}
    while running or not exhausted:
        while not exhausted and len(running) < 2 * jobs and may_begin():
            if (query := next(waiting, None)) is None:
                exhausted = True
                break
            here, there = (_start(readers, query, side, method) for side, readers in enumerate((source, target)))
            running |= {here: (query, here, there), there: (query, here, there)}
        checkpoint()
        if not running and not exhausted:
            time.sleep(LOOK_UP_SECONDS)
            continue
        done, _ = wait(running, timeout=LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            # Of a pair, the second to end gives the result; a failure is raised as soon as it is known.
            future.result()
            query, here, there = running.pop(future)
            if here not in running and there not in running:
                yield query, results_of(query, here.result(), there.result())


def settings_for(plan: Plan) -> Settings:
    """How the server should go about it. Ranges are many queries side by side, each by the index, whatever the planner
    thinks of a range whose ends it cannot see; a bucketed table is one query, which may have processes of its own."""
    if plan.by_ranges:
        return {"enable_seqscan": "off", "statement_timeout": OF_A_RANGE}
    return {"max_parallel_workers_per_gather": None} if plan.bucketed else {}


def unequal_groups(here: Sums, there: Sums) -> tuple[int, ...]:
    return tuple(sorted(group for group in here.keys() | there.keys() if here.get(group) != there.get(group)))


def sums_of(rows: Iterable[tuple[Any, ...]]) -> Sums:
    return {int(group): (int(count), total) for group, count, total in rows if count}


def results_of(query: Query, here: list[tuple[Any, ...]], there: list[tuple[Any, ...]]) -> list[ChunkResult]:
    """One result for each chunk, from the groups of all of them."""
    one, other = _by_chunk(query, sums_of(here)), _by_chunk(query, sums_of(there))
    return [_result(chunk, one[chunk.number], other[chunk.number]) for chunk in query.chunks]


def _start(readers: Readers, query: Query, side: int, method: Method | None) -> Future[Any]:
    doing = f"read table {query.plan.table} for verification"

    def statement(chunk: Chunk) -> Statement:
        if method is None:
            return count_sql(query.plan, chunk, side)
        return sums_sql(query.plan, chunk, side, method, query.sampled)

    def read(connection: Any) -> list[tuple[Any, ...]]:
        return read_in_halves(readers, connection, query.chunks[0], statement, doing)

    return readers.start(read, doing, settings=settings_for(query.plan))


def _by_chunk(query: Query, sums: Sums) -> dict[int, Sums]:
    if len(query.chunks) == 1 and not query.sampled:
        return {query.chunks[0].number: sums}
    parts: dict[int, Sums] = {chunk.number: {} for chunk in query.chunks}
    last_bits = query.chunks[0].buckets - 1
    for group, found in sums.items():
        parts[group & last_bits][group] = found
    return parts


def _result(chunk: Chunk, here: Sums, there: Sums) -> ChunkResult:
    unequal = unequal_groups(here, there)
    nothing = (0, None)
    return ChunkResult(
        chunk,
        sum(rows for rows, _ in here.values()),
        sum(rows for rows, _ in there.values()),
        _total(here),
        _total(there),
        unequal,
        sum(max(here.get(group, nothing)[0], there.get(group, nothing)[0]) for group in unequal),
    )


def _total(sums: Sums) -> str | None:
    """The sum of a chunk; None where there were no rows, or they were only counted."""
    totals = [int(total) for _, total in sums.values() if total is not None]
    return str(sum(totals)) if totals else None
