"""Which chunks of a table a sample takes: such as hold rows, spread over the table, the same ones each time."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from voyager.identifiers import Identifier
from voyager.verification.chunks import Plan, from_sql, place_sql, where_sql
from voyager.verification.digest import Method
from voyager.verification.forms import SOURCE

# The first key from a bound on is one look into the index, however many rows there are.
_HOLDS_ROWS = """
    SELECT w.number FROM unnest(%(numbers)s::int[], %(lows)s::bigint[], %(highs)s::bigint[]) AS w(number, low, high)
    WHERE (SELECT {key} {table} WHERE {key} >= w.low ORDER BY {key} LIMIT 1) < w.high ORDER BY 1
"""


def draw(source: Any, plan: Plan, share: float, method: Method) -> frozenset[int]:
    """The numbers of the chunks, at least one. `source` is asked which ranges hold rows: gaps in a key and the ranges
    beyond its ends have none, and a sample of these alone would say nothing of the table.

    Buckets hold rows each, unless rows are fewer than the catalog says or many of them are the same: of those that were
    drawn one row is looked for, and only where there is none the table is read for the buckets that do hold rows. One
    that is empty is compared whole.
    """
    numbers = [chunk.number for chunk in plan.chunks]
    if share >= 1.0 or len(numbers) == 1:
        return frozenset(numbers)
    if not plan.bucketed:
        drawn = _spread(plan, share, _holding_rows(source, plan) or numbers)
        # Each part that begins at a key of the table's holds that one; nothing may stand before the first of them.
        return drawn | {1} if drawn == {0} else drawn
    drawn = _spread(plan, share, numbers)
    if _any_row(source, plan, drawn, method):
        return drawn
    holding = _buckets_with_rows(source, plan, method)
    return _spread(plan, share, holding) if holding else frozenset(numbers)


def _spread(plan: Plan, share: float, numbers: Sequence[int]) -> frozenset[int]:
    """This part of the numbers, one in each stretch of equal length, from a place that is the table's own."""
    wanted = min(len(numbers), max(1, math.ceil(share * len(numbers))))
    first = int.from_bytes(hashlib.sha256(plan.table.sql.encode()).digest()[:4]) / (1 << 32)
    return frozenset(numbers[int((place + first) * len(numbers) / wanted)] for place in range(wanted))


def _any_row(source: Any, plan: Plan, drawn: frozenset[int], method: Method) -> bool:
    """Whether a row is in one of these buckets. The first one ends the question."""
    bucket, where, parameters = _bucket(plan, method)
    sql = f"SELECT 1 {_from(plan)} WHERE {where} AND {bucket} = ANY(%(drawn)s::bigint[]) LIMIT 1"
    return source.execute(sql, {**parameters, "drawn": sorted(drawn)}, prepare=False).fetchone() is not None


def _buckets_with_rows(source: Any, plan: Plan, method: Method) -> list[int]:
    bucket, where, parameters = _bucket(plan, method)
    sql = f"SELECT DISTINCT {bucket} {_from(plan)} WHERE {where}"
    return sorted(number for (number,) in source.execute(sql, parameters, prepare=False))


def _bucket(plan: Plan, method: Method) -> tuple[str, str, dict[str, Any]]:
    """SQL for a row's bucket, SQL that holds for the rows that are compared, and its parameters."""
    chunk = plan.chunks[0]
    return f"({place_sql(plan, chunk, SOURCE, method)} & {chunk.buckets - 1})", *where_sql(chunk)


def _from(plan: Plan) -> str:
    return from_sql(plan.table, partitioned=plan.partitioned[SOURCE])


def _holding_rows(source: Any, plan: Plan) -> list[int]:
    """The numbers of the ranges that hold rows of the source; of parts that a sample of the keys cut, of all."""
    ranges = [chunk for chunk in plan.chunks if chunk.low is not None and chunk.high is not None]
    if not ranges:
        return [chunk.number for chunk in plan.chunks]
    key = f"t.{Identifier(ranges[0].column).sql}".replace("%", "%%")
    sql = _HOLDS_ROWS.format(key=key, table=_from(plan))
    bounds = {
        "numbers": [chunk.number for chunk in ranges],
        "lows": [chunk.low for chunk in ranges],
        "highs": [chunk.high for chunk in ranges],
    }
    return [number for (number,) in source.execute(sql, bounds)]
