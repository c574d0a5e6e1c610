"""Name rows of a chunk that is not equal: buckets of keys are compared until few rows are left, then those are read."""

from __future__ import annotations

from typing import Any

from voyager.identifiers import Identifier
from voyager.verification.chunks import Chunk, Plan, bucket_sql, from_sql, number_sql, where_sql
from voyager.verification.digest import Method
from voyager.verification.findings import RowDifference
from voyager.verification.readers import Readers

FANOUT = 256
BUCKETS_READ = 4
ROWS_NAMED = 10


def locate(plan: Plan, chunk: Chunk, source: Readers, target: Readers, method: Method) -> tuple[RowDifference, ...]:
    """Return up to ROWS_NAMED rows of a chunk that differ, named by their keys; none for a table without a key.

    Only keys and numbers travel, never a row's other values.
    """
    if not plan.key:
        return ()
    sums = _read(plan, [_sums_sql(plan, chunk, side, method) for side in (0, 1)], source, target)
    here, there = ({row[0]: row[1:] for row in side} for side in sums)
    unequal = sorted(bucket for bucket in here.keys() | there.keys() if here.get(bucket) != there.get(bucket))
    if not unequal:
        return ()
    wanted = unequal[:BUCKETS_READ]
    rows = _read(plan, [_rows_sql(plan, chunk, side, method, wanted) for side in (0, 1)], source, target)
    return _differences(plan, *({tuple(key): number for key, number in side} for side in rows))


def _differences(plan: Plan, here: dict[Any, Any], there: dict[Any, Any]) -> tuple[RowDifference, ...]:
    found = []
    for key in sorted(here.keys() | there.keys(), key=lambda key: [(len(text), text) for text in key]):
        if here.get(key) == there.get(key):
            continue
        kind = "missing" if key not in there else "extra" if key not in here else "different"
        named = tuple((form.column, text) for form, text in zip(plan.key, key, strict=True))
        found.append(RowDifference(named, kind))
        if len(found) == ROWS_NAMED:
            break
    return tuple(found)


def _read(plan: Plan, queries: list[tuple[str, dict[str, Any]]], *sides: Readers) -> list[list[tuple[Any, ...]]]:
    """Ask both sides at the same time."""
    doing = f"find the rows of {plan.table} that differ"
    started = [side.submit(*query, doing) for side, query in zip(sides, queries, strict=True)]
    return [side.wait(future) for side, future in zip(sides, started, strict=True)]


def _sums_sql(plan: Plan, chunk: Chunk, side: int, method: Method) -> tuple[str, dict[str, Any]]:
    where, parameters = _part(plan, chunk, side, method)
    number = number_sql(plan.columns, side, method)
    bucket = _fine_bucket(plan, side, method)
    return (
        f"SELECT {bucket}, count(*), sum({number})::text {from_sql(plan.table)} WHERE {where} GROUP BY 1",
        parameters,
    )


def _rows_sql(plan: Plan, chunk: Chunk, side: int, method: Method, buckets: list[int]) -> tuple[str, dict[str, Any]]:
    where, parameters = _part(plan, chunk, side, method)
    key = ", ".join(f"t.{Identifier(form.column).sql}::text" for form in plan.key).replace("%", "%%")
    number = number_sql(plan.columns, side, method)
    wanted = f"{where} AND {_fine_bucket(plan, side, method)} = ANY(%(buckets)s)"
    return f"SELECT ARRAY[{key}], {number} {from_sql(plan.table)} WHERE {wanted}", {**parameters, "buckets": buckets}


def _part(plan: Plan, chunk: Chunk, side: int, method: Method) -> tuple[str, dict[str, Any]]:
    if chunk.bucket is None:
        return where_sql(chunk)
    return f"{bucket_sql(plan, side, method, chunk.buckets)} = %(bucket)s", {"bucket": chunk.bucket}


def _fine_bucket(plan: Plan, side: int, method: Method) -> str:
    """Other bits of the key's hash than those that made the chunk's bucket."""
    return f"(({number_sql(plan.key, side, method)} >> 20) & {FANOUT - 1})"
