"""Level rows as a way to compare chunks: the same questions and answers as by checksum, from streams of rows."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from voyager.identifiers import TableName
from voyager.verification.compare import ChunkResult, Query
from voyager.verification.findings import RowDifference
from voyager.verification.locate import Ways
from voyager.verification.readers import Readers
from voyager.verification.rows import RangeResult, RowComparison
from voyager.verification.rows_plan import row_range
from voyager.verification.rows_sql import RowRange

Tell = Callable[[TableName, int, int, RowDifference], None]
"""Takes a differing row of a chunk, and its place among those of the chunk; from several threads, one at a time."""


@dataclass(frozen=True)
class RowByRow:
    """Two sides that are read to the last row. `ways` says for each table how, and what excuses a difference."""

    source: Readers
    target: Readers
    ways: Mapping[TableName, Ways]
    tell: Tell
    checkpoint: Callable[[], None]
    may_begin: Callable[[], bool] = lambda: True
    show_values: bool = False

    def compare(self, queries: Iterable[Query], *, jobs: int) -> Iterator[tuple[Query, list[ChunkResult]]]:
        """Yield each query with the result of its chunk, in the order in which they end; plans are in key order."""
        asked: dict[tuple[TableName, int], Query] = {}
        places: dict[tuple[TableName, int], Iterator[int]] = defaultdict(itertools.count)

        def parts() -> Iterator[RowRange]:
            for query in queries:
                table, chunk, ways = query.plan.table, query.chunks[0], self.ways[query.plan.table]
                asked[table, chunk.number] = query
                yield row_range(query.plan, chunk, ways.method, ways.excuses)

        def tell(part: RowRange, row: RowDifference) -> None:
            self.tell(part.table, part.number, next(places[part.table, part.number]), row)

        comparison = RowComparison(self.source, self.target, tell, self.checkpoint, self.show_values)
        for part, result in comparison.run(parts(), jobs=jobs, may_begin=self.may_begin):
            query = asked.pop((part.table, part.number))
            yield query, [_result(query, result)]


def _result(query: Query, result: RangeResult) -> ChunkResult:
    unequal = sum(result.counts.values())
    groups = (0,) if unequal else ()
    return ChunkResult(query.chunks[0], result.source_rows, result.target_rows, None, None, groups, unequal)
