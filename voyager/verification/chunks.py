"""How a table is cut into chunks, and a chunk's rows into groups: by ranges of an integer key, else by a hash."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.verification.digest import Method, row_number
from voyager.verification.forms import Form, choose
from voyager.verification.request import ROWS_PER_CHUNK, ROWS_PER_GROUP, Since
from voyager.verification.structure import Shape

MOST_GROUPS = 1 << 16
"""Sums that one query may return: memory stays bounded, and groups grow with tables of more than 130 million rows."""

EDGE_GROUPS = 64
"""Groups of the ranges below and above all of the source's keys, where rows of the target only can be."""

SPARSE = 4
"""A key whose range is more than this many times the number of rows is cut where a sample of it says."""

_SAMPLES_PER_CHUNK = 300
_LAST_BIGINT = 2**63 - 1


@dataclass(frozen=True)
class Grouping:
    """How a chunk's rows fall into groups: a row's place is its integer key, or the hash of its key.

    By `shift`, a group is a range of keys: the key without its last bits. Else it is the hash's last `bits`.
    """

    bits: int = 0
    shift: int | None = None

    def group_of(self, place: int) -> int:
        return place >> self.shift if self.shift is not None else place & ((1 << self.bits) - 1)

    def group_sql(self, place: str) -> str:
        """The same in SQL, over a place of type bigint."""
        return f"({place} >> {self.shift})" if self.shift is not None else f"({place} & {(1 << self.bits) - 1})"

    def finer(self, bits: int) -> Grouping:
        """Every group cut into 2^bits."""
        if self.shift is None:
            return Grouping(bits=self.bits + bits)
        return Grouping(shift=max(0, self.shift - bits))


@dataclass(frozen=True)
class Chunk:
    """One part of one table, one row of the ledger.

    `low` (included) and `high` (excluded) bound the integer key; None leaves that end open, so that rows beyond the
    source's own keys are compared too. `bucket` of `buckets` is a part by the last bits of the hash. With `since` only
    rows that were changed count.
    """

    table: TableName
    number: int
    column: str = ""
    low: int | None = None
    high: int | None = None
    bucket: int | None = None
    buckets: int = 0
    grouping: Grouping = Grouping()
    since: Since | None = None

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

    The chunks of a bucketed plan come out of one query, which reads the table once; those of a plan by ranges out of
    one query each. `key_types` are the key columns' own types, for the source and for the target, `key_equals` the
    operators that compare them there. `partitioned` says of each side whether the table's rows are in partitions.
    """

    table: TableName
    columns: tuple[Form, ...]
    key: tuple[Form, ...]
    chunks: tuple[Chunk, ...]
    rows_estimated: int
    key_types: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    note: str = ""
    key_equals: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    partitioned: tuple[bool, bool] = (False, False)

    @property
    def bucketed(self) -> bool:
        return self.chunks[0].bucket is not None

    @property
    def since(self) -> bool:
        """Whether only rows that were changed are read."""
        return any(chunk.since is not None for chunk in self.chunks)

    @property
    def by_ranges(self) -> bool:
        """Whether a query reads a part of the table by its key's index."""
        return len(self.chunks) > 1 and not self.bucketed

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
    rows_per_group: int = ROWS_PER_GROUP,
    since: Since | None = None,
) -> Plan:
    """Plan the comparison of one table. `source` is asked for the bounds of large integer keys and nothing else."""
    columns = choose_forms(here, there, method)
    by_name = {form.column: form for form in columns}
    key = tuple(by_name[name] for name in here.key) if by_name.keys() >= set(here.key) else ()
    chunks: tuple[Chunk, ...] = (Chunk(here.name, 0, grouping=_by_hash(here.rows_estimated, rows_per_group)),)
    if not counts_only and here.rows_estimated > rows_per_chunk:
        if here.integer_key is not None and here.integer_key == there.integer_key and here.ordered and there.ordered:
            chunks = _ranges(source, here, here.integer_key, rows_per_chunk, rows_per_group)
        else:
            chunks = _buckets(here, rows_per_chunk, rows_per_group)
    note = ""
    if since is not None:
        if since.column in by_name:
            chunks = tuple(replace(chunk, since=since) for chunk in chunks)
            note = f"only rows whose {Identifier(since.column)} is not below the value of --since"
        else:
            note = f"compared whole: the target has no column {Identifier(since.column)}"
    ends = [[shape.column(form.column) for form in key] for shape in (here, there)]
    types, equals = (
        tuple(tuple(str(getattr(column, what)) for column in columns) for columns in ends)
        for what in ("type_name", "equals")
    )
    return Plan(
        here.name,
        columns,
        key,
        chunks,
        here.rows_estimated,
        (types[0], types[1]),
        note,
        (equals[0], equals[1]),
        (here.partitioned, there.partitioned),
    )


def choose_forms(here: Shape, there: Shape, method: Method) -> tuple[Form, ...]:
    """The forms of the columns that both sides have, in the source's order: columns are compared by name."""
    pairs = ((column, there.column(column.name)) for column in here.columns)
    return tuple(choose(column, other, method) for column, other in pairs if other is not None)


def number_sql(forms: tuple[Form, ...], side: int, method: Method) -> str:
    """SQL for the 64-bit number of these columns of a row on one side, ready for parameters beside it."""
    return row_number([form.valued(side) for form in forms], method).replace("%", "%%")


def place_sql(plan: Plan, chunk: Chunk, side: int, method: Method) -> str:
    """SQL for a row's place, a bigint: its integer key where groups are ranges, else the hash of its key, so that a
    changed row keeps its place, or of all of the row in a table without a key."""
    if chunk.grouping.shift is not None:
        return f"t.{Identifier(chunk.column).sql}::bigint".replace("%", "%%")
    return number_sql(plan.key or plan.columns, side, method)


def where_sql(chunk: Chunk) -> tuple[str, dict[str, Any]]:
    """The chunk's range as SQL over alias t, and its parameters; a bucket is a matter of its query."""
    column = f"t.{Identifier(chunk.column).sql}".replace("%", "%%") if chunk.column else ""
    terms: list[str] = []
    bounds: dict[str, Any] = {}
    if chunk.low is not None:
        terms.append(f"{column} >= %(low)s")
        bounds["low"] = chunk.low
    if chunk.high is not None:
        terms.append(f"{column} < %(high)s")
        bounds["high"] = chunk.high
    if chunk.since is not None:
        changed = f"t.{Identifier(chunk.since.column).sql}".replace("%", "%%")
        terms.append(f"{changed} >= %(since)s")
        bounds["since"] = chunk.since.value
    return " AND ".join(terms) or "true", bounds


def from_sql(table: TableName, *, partitioned: bool = False) -> str:
    """A relation as it is read: without its children, which are compared as themselves, but with its partitions where
    this side has cut into such what is one table on the other."""
    return f"FROM {relation_sql(table, partitioned=partitioned)} AS t".replace("%", "%%")


def relation_sql(table: TableName, *, partitioned: bool) -> str:
    return table.sql if partitioned else f"ONLY {table.sql}"


def _ranges(source: Any, shape: Shape, column: str, rows_per_chunk: int, rows_per_group: int) -> tuple[Chunk, ...]:
    """Ranges of the source's keys, and one at either end for what is only in the target.

    The same cuts come out for the same unchanged table, so that a verification that goes on finds its chunks again.
    """
    name = f"t.{Identifier(column).sql}".replace("%", "%%")
    lowest, highest = source.execute(f"SELECT min({name}), max({name}) {from_sql(shape.name)}", {}).fetchone()
    if lowest is None:
        return _buckets(shape, rows_per_chunk, rows_per_group)
    span = highest - lowest + 1
    if span <= SPARSE * shape.rows_estimated:
        step = _power_of_two(rows_per_chunk * span // shape.rows_estimated)
        size = min(step, _power_of_two(rows_per_group * span // shape.rows_estimated))
        grouping = Grouping(shift=size.bit_length() - 1)
        cuts = list(range((lowest // step + 1) * step, highest + 1, step))
        # Groups are whole: a query names a range by its groups.
        lowest, highest = lowest // size * size, highest // size * size + size - 1
    else:
        grouping = _by_hash(rows_per_chunk, rows_per_group)
        cuts = _sampled_cuts(source, shape, name, rows_per_chunk)
    edges = [lowest, *(cut for cut in cuts if lowest < cut <= highest), highest + 1]
    inner = [(low, high, grouping) for low, high in itertools.pairwise(edges)]
    outer = Grouping(bits=EDGE_GROUPS.bit_length() - 1)
    parts = [(None, lowest, outer), *inner, (highest + 1, None, outer)]
    return tuple(
        Chunk(shape.name, number, column, low, high, grouping=grouping)
        for number, (low, high, grouping) in enumerate(parts)
        if low is None or low <= _LAST_BIGINT
    )


def _sampled_cuts(source: Any, shape: Shape, name: str, rows_per_chunk: int) -> list[int]:
    """Where to cut a key with wide gaps: by a sample of it, always the same."""
    wanted = -(-shape.rows_estimated // rows_per_chunk)
    percent = min(100.0, 100.0 * _SAMPLES_PER_CHUNK * wanted / shape.rows_estimated)
    sample = f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (0)"
    rows = source.execute(f"SELECT {name} {from_sql(shape.name)} {sample} ORDER BY 1", {}).fetchall()
    keys = [row[0] for row in rows]
    return sorted({keys[len(keys) * part // wanted] for part in range(1, wanted)}) if keys else []


def _buckets(shape: Shape, rows_per_chunk: int, rows_per_group: int) -> tuple[Chunk, ...]:
    bits = (-(-shape.rows_estimated // rows_per_chunk) - 1).bit_length()
    bits = min(bits, MOST_GROUPS.bit_length() - 1)
    grouping = Grouping(bits=max(bits, _by_hash(shape.rows_estimated, rows_per_group).bits))
    return tuple(
        Chunk(shape.name, bucket, bucket=bucket, buckets=1 << bits, grouping=grouping) for bucket in range(1 << bits)
    )


def _by_hash(rows: int, rows_per_group: int) -> Grouping:
    groups = min(MOST_GROUPS, -(-rows // rows_per_group))
    return Grouping(bits=max(0, groups - 1).bit_length())


def _power_of_two(number: int) -> int:
    """The largest one that is not above."""
    return 1 << max(0, number.bit_length() - 1)
