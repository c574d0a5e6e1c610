"""How a table is cut into chunks: ranges of an integer key where it has one, buckets of a hash otherwise."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.verification.digest import Method, row_number
from voyager.verification.forms import Form, choose
from voyager.verification.request import ROWS_PER_CHUNK
from voyager.verification.structure import Shape

MOST_BUCKETS = 4096
SPARSE = 4
"""A key whose range is more than this many times the number of rows is cut where a sample of it says."""

_SAMPLES_PER_CHUNK = 300


@dataclass(frozen=True)
class Chunk:
    """One part of one table.

    `low` (included) and `high` (excluded) bound the integer key; None leaves that end open, so that rows beyond the
    source's own keys are compared too. `bucket` of `buckets` is a part by hash.
    """

    table: TableName
    number: int
    column: str = ""
    low: int | None = None
    high: int | None = None
    bucket: int | None = None
    buckets: int = 0

    @property
    def lo(self) -> str | None:
        """The lower bound as it is stored."""
        if self.bucket is not None:
            return f"hash {self.bucket}"
        return None if self.low is None else str(self.low)

    @property
    def hi(self) -> str | None:
        if self.bucket is not None:
            return f"of {self.buckets}"
        return None if self.high is None else str(self.high)

    @property
    def where(self) -> str:
        """The chunk for people."""
        if self.bucket is not None:
            return f"hash bucket {self.bucket} of {self.buckets}"
        name = str(Identifier(self.column)) if self.column else ""
        bounds = []
        if self.low is not None:
            bounds.append(f"{name} >= {self.low}")
        if self.high is not None:
            bounds.append(f"{name} < {self.high}")
        return " and ".join(bounds) or "the whole table"


@dataclass(frozen=True)
class Plan:
    """How one table is compared: the columns both sides have, the key that names rows, and the chunks.

    The chunks of a bucketed plan come out of one query; those of a plan by ranges out of one query each.
    """

    table: TableName
    columns: tuple[Form, ...]
    key: tuple[Form, ...]
    chunks: tuple[Chunk, ...]
    rows_estimated: int
    note: str = ""

    @property
    def bucketed(self) -> bool:
        return self.chunks[0].bucket is not None

    @property
    def queries(self) -> list[tuple[Chunk, ...]]:
        """The chunks by the query that reads them."""
        return [self.chunks] if self.bucketed else [(chunk,) for chunk in self.chunks]


def plan_table(
    source: Any,
    here: Shape,
    there: Shape,
    *,
    method: Method,
    counts_only: bool,
    rows_per_chunk: int = ROWS_PER_CHUNK,
) -> Plan:
    """Plan the comparison of one table. `source` is asked for the bounds of large integer keys and nothing else."""
    columns = choose_forms(here, there, method)
    by_name = {form.column: form for form in columns}
    key = tuple(by_name[name] for name in here.key) if by_name.keys() >= set(here.key) else ()
    chunks: tuple[Chunk, ...] = (Chunk(here.name, 0),)
    if not counts_only and here.rows_estimated > rows_per_chunk:
        column = here.integer_key
        both_ordered = here.ordered and there.ordered and there.integer_key == column
        if column is not None and both_ordered:
            chunks = _ranges(source, here, column, rows_per_chunk)
        else:
            chunks = _buckets(here, rows_per_chunk)
    return Plan(here.name, columns, key, chunks, here.rows_estimated)


def choose_forms(here: Shape, there: Shape, method: Method) -> tuple[Form, ...]:
    """The forms of the columns that both sides have, in the source's order: columns are compared by name."""
    pairs = ((column, there.column(column.name)) for column in here.columns)
    return tuple(choose(column, other, method) for column, other in pairs if other is not None)


def number_sql(forms: tuple[Form, ...], side: int, method: Method) -> str:
    """SQL for the 64-bit number of these columns of a row on one side, ready for parameters beside it."""
    return row_number([form.valued(side) for form in forms], method).replace("%", "%%")


def where_sql(chunk: Chunk) -> tuple[str, dict[str, int]]:
    """The chunk's range as SQL over alias t, and its parameters."""
    column = f"t.{Identifier(chunk.column).sql}".replace("%", "%%") if chunk.column else ""
    terms, bounds = [], {}
    if chunk.low is not None:
        terms.append(f"{column} >= %(low)s")
        bounds["low"] = chunk.low
    if chunk.high is not None:
        terms.append(f"{column} < %(high)s")
        bounds["high"] = chunk.high
    return " AND ".join(terms) or "true", bounds


def bucket_sql(plan: Plan, side: int, method: Method, buckets: int) -> str:
    """SQL for a row's bucket: by its key, so that a changed row stays in it, else by all of the row."""
    return f"({number_sql(plan.key or plan.columns, side, method)} & {buckets - 1})"


def from_sql(table: TableName) -> str:
    """A relation as it is read: without its children, which are compared as themselves."""
    return f"FROM ONLY {table.sql} AS t".replace("%", "%%")


def count_sql(plan: Plan, chunk: Chunk) -> tuple[str, dict[str, int]]:
    """One row: bucket 0, the number of rows, no sum."""
    where, bounds = where_sql(chunk)
    return f"SELECT 0, count(*), NULL {from_sql(plan.table)} WHERE {where}", bounds


def checksum_sql(plan: Plan, chunks: tuple[Chunk, ...], side: int, method: Method) -> tuple[str, dict[str, int]]:
    """(bucket, number of rows, sum of their numbers) for a range, or for every bucket of the table at once."""
    number = number_sql(plan.columns, side, method)
    if not plan.bucketed:
        where, bounds = where_sql(chunks[0])
        return f"SELECT 0, count(*), sum({number})::text {from_sql(plan.table)} WHERE {where}", bounds
    if plan.key:
        bucket = bucket_sql(plan, side, method, chunks[0].buckets)
        return f"SELECT {bucket}, count(*), sum({number})::text {from_sql(plan.table)} GROUP BY 1", {}
    # The row's number is its bucket too: OFFSET 0 keeps the server from working it out twice.
    rows = f"SELECT {number} AS number {from_sql(plan.table)} OFFSET 0"
    bucket = f"number & {chunks[0].buckets - 1}"
    return f"SELECT {bucket}, count(*), sum(number)::text FROM ({rows}) AS rows GROUP BY 1", {}


def _ranges(source: Any, shape: Shape, column: str, rows_per_chunk: int) -> tuple[Chunk, ...]:
    cuts = _cuts(source, shape, column, rows_per_chunk)
    edges = [None, *cuts, None]
    return tuple(
        Chunk(shape.name, number, column, low, high) for number, (low, high) in enumerate(itertools.pairwise(edges))
    )


def _cuts(source: Any, shape: Shape, column: str, rows_per_chunk: int) -> list[int]:
    """Where to cut a key: every so many numbers when it is dense, where a sample says when it has gaps.

    Both give the same cuts for the same unchanged table, so that a verification that goes on finds its chunks again.
    """
    name = f"t.{Identifier(column).sql}".replace("%", "%%")
    lowest, highest = source.execute(f"SELECT min({name}), max({name}) {from_sql(shape.name)}", {}).fetchone()
    if lowest is None:
        return []
    span = highest - lowest + 1
    if span <= SPARSE * shape.rows_estimated:
        step = 1 << max(0, (rows_per_chunk * span // shape.rows_estimated).bit_length() - 1)
        return list(range((lowest // step + 1) * step, highest + 1, step))
    wanted = -(-shape.rows_estimated // rows_per_chunk)
    percent = min(100.0, 100.0 * _SAMPLES_PER_CHUNK * wanted / shape.rows_estimated)
    sample = f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (0)"
    rows = source.execute(f"SELECT {name} {from_sql(shape.name)} {sample} ORDER BY 1", {}).fetchall()
    keys = [row[0] for row in rows]
    return sorted({keys[len(keys) * part // wanted] for part in range(1, wanted)}) if keys else []


def _buckets(shape: Shape, rows_per_chunk: int) -> tuple[Chunk, ...]:
    wanted = min(MOST_BUCKETS, -(-shape.rows_estimated // rows_per_chunk))
    buckets = 1 << (wanted - 1).bit_length()
    return tuple(Chunk(shape.name, bucket, bucket=bucket, buckets=buckets) for bucket in range(buckets))
