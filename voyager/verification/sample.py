"""Which chunks of a table a sample takes: such as hold rows, spread over the table, the same ones each time."""

from __future__ import annotations

import hashlib
import math
from typing import Any

from voyager.identifiers import Identifier
from voyager.verification.chunks import Plan, from_sql
from voyager.verification.forms import SOURCE

# The first key from a bound on is one look into the index, however many rows there are.
_HOLDS_ROWS = """
    SELECT w.number FROM unnest(%(numbers)s::int[], %(lows)s::bigint[], %(highs)s::bigint[]) AS w(number, low, high)
    WHERE (SELECT {key} {table} WHERE {key} >= w.low ORDER BY {key} LIMIT 1) < w.high ORDER BY 1
"""


def draw(source: Any, plan: Plan, share: float) -> frozenset[int]:
    """The numbers of the chunks, at least one. `source` is asked which ranges hold rows: gaps in a key and the ranges
    beyond its ends have none, and a sample of these alone would say nothing of the table."""
    numbers = [chunk.number for chunk in plan.chunks]
    if share >= 1.0 or len(numbers) == 1:
        return frozenset(numbers)
    numbers = _holding_rows(source, plan) or numbers
    wanted = min(len(numbers), max(1, math.ceil(share * len(numbers))))
    first = int.from_bytes(hashlib.sha256(plan.table.sql.encode()).digest()[:4]) / (1 << 32)
    return frozenset(numbers[int((place + first) * len(numbers) / wanted)] for place in range(wanted))


def _holding_rows(source: Any, plan: Plan) -> list[int]:
    """The numbers of the ranges that hold rows of the source; of a plan by other parts, of all parts."""
    ranges = [chunk for chunk in plan.chunks if chunk.low is not None and chunk.high is not None]
    if not ranges:
        return [chunk.number for chunk in plan.chunks]
    key = f"t.{Identifier(ranges[0].column).sql}".replace("%", "%%")
    sql = _HOLDS_ROWS.format(key=key, table=from_sql(plan.table, partitioned=plan.partitioned[SOURCE]))
    bounds = {
        "numbers": [chunk.number for chunk in ranges],
        "lows": [chunk.low for chunk in ranges],
        "highs": [chunk.high for chunk in ranges],
    }
    return [number for (number,) in source.execute(sql, bounds)]
