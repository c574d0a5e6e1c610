"""The SQL that reads chunks: counts, sums of groups, and the rows of groups that are not equal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from voyager.identifiers import Identifier
from voyager.verification.chunks import Chunk, Grouping, Plan, from_sql, number_sql, place_sql, where_sql
from voyager.verification.digest import Method, column_number
from voyager.verification.findings import RowDifference
from voyager.verification.forms import Form

Statement = tuple[str, dict[str, Any]]
"""SQL and its parameters."""


@dataclass(frozen=True)
class Part:
    """Groups of a chunk (or of a whole bucketed plan, whose chunks share one grouping)."""

    plan: Plan
    chunk: Chunk
    grouping: Grouping
    groups: tuple[int, ...]

    @property
    def by_key(self) -> bool:
        """Whether rows have keys to be told apart by; else equal rows are counted."""
        return bool(self.plan.key)


def count_sql(plan: Plan, chunk: Chunk, side: int) -> Statement:
    """One row: group 0, the number of rows, no sum."""
    where, bounds = where_sql(chunk)
    return f"SELECT 0, count(*), NULL {_from(plan, side)} WHERE {where}", bounds


def sums_sql(plan: Plan, chunk: Chunk, side: int, method: Method, sampled: tuple[int, ...] = ()) -> Statement:
    """(group, number of rows, sum of their numbers) for a range, or for the whole table of a bucketed plan; of the
    latter only the `sampled` buckets if there are any."""
    if chunk.grouping.shift is not None:
        return _sums_by_key(plan, chunk, side, method)
    where, parameters = where_sql(chunk)
    if sampled:
        place = place_sql(plan, chunk, side, method)
        where += f" AND ({place} & {chunk.buckets - 1}) = ANY(%(sampled)s::bigint[])"
        parameters["sampled"] = list(sampled)
    return _sums(plan, chunk, chunk.grouping, side, method, where, _from(plan, side)), parameters


def finer_sums_sql(part: Part, grouping: Grouping, side: int, method: Method) -> Statement:
    """The same for smaller groups within the groups of a part."""
    relation, where, parameters = _within(part, side, method)
    return _sums(part.plan, part.chunk, grouping, side, method, where, relation), parameters


def rows_sql(part: Part, side: int, method: Method, forms: tuple[tuple[Form, ...], ...] = ()) -> Statement:
    """The rows of a part, group by group: place, what the key holds as texts, and packed numbers of all columns; one
    more such pack for each of `forms`, other ways to compare the columns.

    Without a key: place (the row's own number), how many rows have it, and the md5 of their text.
    """
    plan = part.plan
    relation, where, parameters = _within(part, side, method)
    place = place_sql(plan, part.chunk, side, method)
    group = part.grouping.group_sql("place")
    if plan.key:
        keys = ", ".join(f"t.{Identifier(form.column).sql}::text" for form in plan.key).replace("%", "%%")
        packs = ", ".join(_packed(way, side, method) for way in (plan.columns, *forms))
        rows = f"SELECT {place} AS place, ARRAY[{keys}] AS key, {packs} {relation} WHERE {where}"
        return f"SELECT * FROM ({rows}) AS rows ORDER BY {group}, place", parameters
    rows = f"SELECT {place} AS place, {row_text_sql(plan)} AS text {relation} WHERE {where} OFFSET 0"
    named = "md5(convert_to(min(text), 'UTF8'))"
    return f"SELECT place, count(*), {named} FROM ({rows}) AS rows GROUP BY place ORDER BY {group}, place", parameters


def row_text_sql(plan: Plan) -> str:
    """SQL for all compared columns of a row in one text, the same on both sides for the same values."""
    return f"ROW({', '.join(f't.{Identifier(form.column).sql}' for form in plan.columns)})::text".replace("%", "%%")


def shown_sql(plan: Plan, side: int, rows: Sequence[RowDifference]) -> Statement:
    """(place in `rows`, every compared column as text) of rows that differences name."""
    texts = ", ".join(form.shown(side) for form in plan.columns).replace("%", "%%")
    if not plan.key:
        relation = _from(plan, side).removeprefix("FROM ")
        name = f"md5(convert_to({row_text_sql(plan)}, 'UTF8'))"
        names = "unnest(%(names)s::text[]) WITH ORDINALITY AS w(name, place)"
        chosen = f"SELECT DISTINCT ON (w.place) w.place, ARRAY[{texts}]::text[] FROM {names}"
        return f"{chosen} JOIN {relation} ON {name} = w.name", {"names": [row.key[0][1] for row in rows]}
    chosen, keys = _by_key(plan, side, rows)
    return f"SELECT w.place, ARRAY[{texts}]::text[] {chosen}", keys


def packs_sql(
    plan: Plan, side: int, method: Method, rows: Sequence[RowDifference], forms: tuple[tuple[Form, ...], ...] = ()
) -> Statement:
    """(place in `rows`, packed numbers of all columns, and once more for each of `forms`) of rows with a key."""
    chosen, keys = _by_key(plan, side, rows)
    packs = ", ".join(_packed(way, side, method) for way in (plan.columns, *forms))
    return f"SELECT w.place, {packs} {chosen}", keys


def _by_key(plan: Plan, side: int, rows: Sequence[RowDifference]) -> tuple[str, dict[str, Any]]:
    """SQL to read rows from by their keys, with their place in `rows` as w.place, and its parameters."""
    match = " AND ".join(
        f"t.{Identifier(form.column).sql} {equals} w.k{number}::{type_name}".replace("%", "%%")
        for number, (form, type_name, equals) in enumerate(
            zip(plan.key, plan.key_types[side], plan.key_equals[side], strict=True)
        )
    )
    given = ", ".join(f"%(k{number})s::text[]" for number in range(len(plan.key)))
    wanted = f"unnest({given}) WITH ORDINALITY AS w({', '.join(f'k{n}' for n in range(len(plan.key)))}, place)"
    keys = {f"k{number}": [row.key[number][1] for row in rows] for number in range(len(plan.key))}
    return f"FROM {wanted} JOIN {_from(plan, side).removeprefix('FROM ')} ON {match}", keys


def _from(plan: Plan, side: int) -> str:
    return from_sql(plan.table, partitioned=plan.partitioned[side])


def _sums(plan: Plan, chunk: Chunk, grouping: Grouping, side: int, method: Method, where: str, relation: str) -> str:
    number = number_sql(plan.columns, side, method)
    if plan.key or grouping.shift is not None:
        group = grouping.group_sql(place_sql(plan, chunk, side, method)) if grouping != Grouping() else "0"
        return f"SELECT {group}, count(*), sum({number})::text {relation} WHERE {where} GROUP BY 1"
    # The row's number is its place too: OFFSET 0 keeps the server from working it out twice.
    rows = f"SELECT {number} AS number {relation} WHERE {where} OFFSET 0"
    return f"SELECT {grouping.group_sql('number')}, count(*), sum(number)::text FROM ({rows}) AS rows GROUP BY 1"


def _sums_by_key(plan: Plan, chunk: Chunk, side: int, method: Method) -> Statement:
    """The same where groups are ranges of an indexed key: one walk of the index for each, which spares the look-up of
    every row's group in a hash table, a quarter of the whole."""
    shift = chunk.grouping.shift
    assert shift is not None
    assert chunk.low is not None
    assert chunk.high is not None
    where, parameters = where_sql(replace(chunk, low=None, high=None))
    number = number_sql(plan.columns, side, method)
    column = f"t.{Identifier(chunk.column).sql}".replace("%", "%%")
    groups = f"generate_series({chunk.low >> shift}::bigint, {(chunk.high - 1) >> shift}::bigint) AS g(number)"
    # The last key of a group, not the first of the next one, which may be beyond the largest bigint.
    inside = f"{column} >= (g.number << {shift}) AND {column} <= ((g.number << {shift}) | {(1 << shift) - 1})"
    sums = f"SELECT count(*), sum({number})::text {_from(plan, side)} WHERE {inside} AND {where}"
    return f"SELECT g.number, s.* FROM {groups} CROSS JOIN LATERAL ({sums}) AS s", parameters


def _within(part: Part, side: int, method: Method) -> tuple[str, str, dict[str, Any]]:
    """SQL to read the part's groups from, SQL that holds for their rows, and the parameters of both.

    Ranges of keys are joined with the table: each is one walk of the index, whatever the server thinks of their number
    (with the ranges as alternatives it would rather read the whole chunk).
    """
    relation = _from(part.plan, side)
    ranges = _key_ranges(part)
    if ranges:
        where, parameters = where_sql(replace(part.chunk, low=None, high=None))
        column = f"t.{Identifier(part.chunk.column).sql}".replace("%", "%%")
        listed = "unnest(%(first)s::bigint[], %(last)s::bigint[]) AS r(first, last)"
        parameters |= {"first": [first for first, _ in ranges], "last": [last for _, last in ranges]}
        inside = f"{column} >= r.first AND {column} <= r.last"
        return f"FROM {listed} JOIN {relation.removeprefix('FROM ')} ON {inside}", where, parameters
    where, parameters = where_sql(part.chunk)
    if part.grouping != Grouping():
        group = part.grouping.group_sql(place_sql(part.plan, part.chunk, side, method))
        where += f" AND {group} = ANY(%(groups)s::bigint[])"
        parameters["groups"] = list(part.groups)
    return relation, where, parameters


def _key_ranges(part: Part) -> list[tuple[int, int]]:
    """The first and the last key of each of the groups, neighbours in one; none where groups are no ranges."""
    shift = part.grouping.shift
    if shift is None:
        return []
    ranges: list[tuple[int, int]] = []
    for group in sorted(part.groups):
        # Not the first key of the next group, which may be beyond the largest bigint.
        first, last = group << shift, (group << shift) + (1 << shift) - 1
        if ranges and ranges[-1][1] + 1 == first:
            ranges[-1] = (ranges[-1][0], last)
        else:
            ranges.append((first, last))
    return ranges


def _packed(forms: tuple[Form, ...], side: int, method: Method) -> str:
    """The numbers of all columns of a row, eight bytes each."""
    numbers = [column_number(form.valued(side), place, method) for place, form in enumerate(forms)]
    return (" || ".join(f"int8send({number})" for number in numbers) or "''::bytea").replace("%", "%%")
