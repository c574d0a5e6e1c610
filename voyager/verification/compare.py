"""Compare chunks: both sides count and sum at the same time, several chunks at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from voyager.identifiers import TableName
from voyager.verification.digest import Method
from voyager.verification.chunks import Chunk, Plan, checksum_sql, count_sql
from voyager.verification.readers import LOOK_UP_SECONDS, Readers


@dataclass(frozen=True)
class ChunkResult:
    """What one chunk came to. The sums are decimal text, None where only rows were counted."""

    chunk: Chunk
    source_rows: int
    target_rows: int
    source_sum: str | None
    target_sum: str | None

    @property
    def equal(self) -> bool:
        return self.source_rows == self.target_rows and self.source_sum == self.target_sum


Side = dict[int, tuple[int, str | None]]
"""Bucket -> rows, sum."""


@dataclass(frozen=True)
class Query:
    """The chunks that one query on each side reads."""

    plan: Plan
    chunks: tuple[Chunk, ...]


def compare(
    queries: Iterable[Query],
    source: Readers,
    target: Readers,
    *,
    method: Method | None,
    jobs: int,
    checkpoint: Callable[[], None],
) -> Iterator[tuple[Query, list[ChunkResult]]]:
    """Yield each query with the results of its chunks, in the order in which they end.

    `method` None counts rows only. At most `jobs` queries run on each side; what `checkpoint` raises ends it all.
    """
    waiting = iter(queries)
    running: dict[Future[Any], tuple[Query, Future[Any], Future[Any]]] = {}
    while True:
        while len(running) < 2 * jobs and (query := next(waiting, None)) is not None:
            pair = tuple(_start(readers, query, side, method) for side, readers in enumerate((source, target)))
            for future in pair:
                running[future] = (query, pair[0], pair[1])
        if not running:
            return
        checkpoint()
        done, _ = wait(running, timeout=LOOK_UP_SECONDS, return_when=FIRST_COMPLETED)
        for future in done:
            # Of a pair, the second to end gives the result; a failure is raised as soon as it is known.
            future.result()
            query, here, there = running.pop(future)
            if here not in running and there not in running:
                yield query, _results(query, here.result(), there.result())


def _start(readers: Readers, query: Query, side: int, method: Method | None) -> Future[Any]:
    if method is None:
        sql, bounds = count_sql(query.plan, query.chunks[0])
    else:
        sql, bounds = checksum_sql(query.plan, query.chunks, side, method)
    return readers.submit(sql, bounds, f"read {_what(query.plan.table)}")


def _what(table: TableName) -> str:
    return f"table {table} for verification"


def _results(query: Query, here: list[tuple[Any, ...]], there: list[tuple[Any, ...]]) -> list[ChunkResult]:
    one, other = _by_bucket(here), _by_bucket(there)
    results = []
    for chunk in query.chunks:
        source_rows, source_sum = one.get(chunk.bucket or 0, (0, None))
        target_rows, target_sum = other.get(chunk.bucket or 0, (0, None))
        results.append(ChunkResult(chunk, source_rows, target_rows, source_sum, target_sum))
    return results


def _by_bucket(rows: list[tuple[Any, ...]]) -> Side:
    return {int(bucket): (int(count), total) for bucket, count, total in rows}
