"""Name rows of a chunk that is not equal: buckets of keys are compared until few rows are left, then those are read."""

from __future__ import annotations

from typing import Any

from voyager.identifiers import Identifier, visible
from voyager.verification.canonical import Method, row_number, row_text
from voyager.verification.chunks import Chunk, Plan, bucket_sql, from_sql, where_sql
from voyager.verification.findings import RowDifference
from voyager.verification.readers import Readers
from voyager.verification.structure import INTEGERS

FANOUT = 256
BUCKETS_READ = 4
ROWS_NAMED = 10
KEY_LENGTH = 200


def locate(plan: Plan, chunk: Chunk, source: Readers, target: Readers, method: Method) -> tuple[RowDifference, ...]:
    """Return up to ROWS_NAMED rows of a chunk that differ, named by their keys; none for a table without a key.

    Only keys and numbers travel, never a row's other values.
    """
    if not plan.key:
        return ()
    sums = _read(plan, _sums_sql(plan, chunk, method), source, target)
    here, there = ({row[0]: row[1:] for row in side} for side in sums)
    unequal = sorted(bucket for bucket in here.keys() | there.keys() if here.get(bucket) != there.get(bucket))
    if not unequal:
        return ()
    rows = _read(plan, _rows_sql(plan, chunk, method, unequal[:BUCKETS_READ]), source, target)
    return _differences(dict(rows[0]), dict(rows[1]))


def _differences(here: dict[str, int], there: dict[str, int]) -> tuple[RowDifference, ...]:
    found = []
    for key in sorted(here.keys() | there.keys(), key=lambda key: (len(key), key)):
        if here.get(key) == there.get(key):
            continue
        kind = "missing" if key not in there else "extra" if key not in here else "different"
        found.append(RowDifference(visible(key[:KEY_LENGTH]), kind))
        if len(found) == ROWS_NAMED:
            break
    return tuple(found)


def _read(plan: Plan, query: tuple[str, dict[str, Any]], *sides: Readers) -> list[list[tuple[Any, ...]]]:
    """Ask both sides at the same time."""
    started = [side.submit(*query, f"find the rows of {plan.table} that differ") for side in sides]
    return [side.wait(future) for side, future in zip(sides, started, strict=True)]


def _sums_sql(plan: Plan, chunk: Chunk, method: Method) -> tuple[str, dict[str, Any]]:
    where, parameters = _part(plan, chunk, method)
    number = row_number(plan.columns, method).replace("%", "%%")
    bucket = _fine_bucket(plan, method)
    return (
        f"SELECT {bucket}, count(*), sum({number})::text {from_sql(plan.table)} WHERE {where} GROUP BY 1",
        parameters,
    )


def _rows_sql(plan: Plan, chunk: Chunk, method: Method, buckets: list[int]) -> tuple[str, dict[str, Any]]:
    where, parameters = _part(plan, chunk, method)
    key = row_text(plan.key, Method()).replace("%", "%%")
    number = row_number(plan.columns, method).replace("%", "%%")
    wanted = f"{where} AND {_fine_bucket(plan, method)} = ANY(%(buckets)s)"
    return f"SELECT {key}, {number} {from_sql(plan.table)} WHERE {wanted}", {**parameters, "buckets": buckets}


def _part(plan: Plan, chunk: Chunk, method: Method) -> tuple[str, dict[str, Any]]:
    if chunk.bucket is None:
        return where_sql(chunk)
    return f"{bucket_sql(plan, method, chunk.buckets)} = %(bucket)s", {"bucket": chunk.bucket}


def _fine_bucket(plan: Plan, method: Method) -> str:
    """The last bits of an integer key, else other bits of the key's hash than those that made the chunk's bucket."""
    name, type_name = plan.key[0]
    if len(plan.key) == 1 and type_name in INTEGERS:
        return f"(t.{Identifier(name).sql}::bigint & {FANOUT - 1})".replace("%", "%%")
    number = row_number(plan.key, method).replace("%", "%%")
    return f"(({number} >> 20) & {FANOUT - 1})"
