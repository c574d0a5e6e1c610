"""Sequences: the target's next value must lie beyond every value in use, or the first insert after cutover fails."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voyager.catalog import Sequence
from voyager.identifiers import Identifier, TableName
from voyager.verification.findings import Difference
from voyager.verification.readers import Readers
from voyager.verification.structure import NUMBERS, Shape, read_shapes

AT_ONCE = 100
"""Sequences per query."""


def compare_sequences(sequences: Iterable[Sequence], target: Readers) -> list[Difference]:
    """Return a difference for every sequence that is missing at the target or stands too low there.

    Gaps are normal (YugabyteDB hands values out in blocks), so equality is not asked for. A sequence that feeds a
    column must be beyond that column's values; any other must not be behind the source's. Of one that cycles only
    that it is there is asked for.
    """
    wanted = list(sequences)
    names = [sequence.name for sequence in wanted]
    there = target.use(lambda connection: _existing(connection, names), "look for the sequences")
    found = [
        Difference("sequence", str(sequence.name), f"Sequence {sequence.name} does not exist in the target.")
        for sequence in wanted
        if sequence.name not in there
    ]
    present = [sequence for sequence in wanted if sequence.name in there]
    for first in range(0, len(present), AT_ONCE):
        found += _compare(present[first : first + AT_ONCE], target)
    return found


def _compare(sequences: list[Sequence], target: Readers) -> list[Difference]:
    owned = [sequence for sequence in sequences if sequence.owner_table and sequence.owner_column]
    there = target.use(lambda connection: _next_values(connection, sequences), "read the sequences")
    used = target.use(lambda connection: _furthest_used(connection, owned), "read the columns that sequences feed")
    found = []
    for sequence in sequences:
        finding = _judge(sequence, there[sequence.name], used.get(sequence.name))
        if finding:
            found.append(Difference("sequence", str(sequence.name), finding))
    return found


def _judge(sequence: Sequence, there: int, used: int | None) -> str:
    if sequence.cycles:
        # Its values come again: none is beyond another.
        return ""
    direction = 1 if sequence.increment > 0 else -1
    if sequence.owner_column is not None:
        if used is not None and direction * (there - used) <= 0:
            column = f"{sequence.owner_table}.{Identifier(sequence.owner_column)}"
            return f"Sequence {sequence.name} gives {there} next in the target, but {column} already goes to {used}."
        return ""
    here = sequence.start if sequence.last_value is None else sequence.last_value + sequence.increment
    if direction * (there - here) < 0:
        return f"Sequence {sequence.name} gives {there} next in the target, behind the source's {here}."
    return ""


def _existing(connection: Any, names: list[TableName]) -> set[TableName]:
    rows = connection.execute(
        """
        SELECT n.nspname, c.relname FROM unnest(%s::text[], %s::text[]) AS w(nspname, relname)
        JOIN pg_namespace n ON n.nspname = w.nspname
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname AND c.relkind = 'S'
        """,
        [[name.schema for name in names], [name.name for name in names]],
    )
    return {TableName(schema, name) for schema, name in rows}


def _next_values(connection: Any, sequences: list[Sequence]) -> dict[TableName, int]:
    """The value that each gives next, all in one query; a place in the list stands for the name."""
    parts = [
        f"SELECT {place}, last_value, is_called FROM {sequence.name.sql}" for place, sequence in enumerate(sequences)
    ]
    positions = {}
    for place, last_value, is_called in connection.execute(" UNION ALL ".join(parts)):
        sequence = sequences[place]
        positions[sequence.name] = last_value + sequence.increment if is_called else last_value
    return positions


def _furthest_used(connection: Any, sequences: list[Sequence]) -> dict[TableName, int]:
    """The largest value (smallest, for a sequence that counts down) in each column that a sequence feeds."""
    shapes = read_shapes(connection, {sequence.owner_table for sequence in sequences if sequence.owner_table})
    parts: list[str] = []
    names: list[TableName] = []
    for sequence in sequences:
        if _is_number(sequence, shapes):
            furthest = "max" if sequence.increment > 0 else "min"
            column = Identifier(sequence.owner_column or "").sql
            parts.append(f"SELECT {len(names)}, {furthest}({column})::numeric FROM {_owner(sequence).sql}")
            names.append(sequence.name)
    if not parts:
        return {}
    rows = connection.execute(" UNION ALL ".join(parts)).fetchall()
    return {names[place]: int(value) for place, value in rows if value is not None}


def _is_number(sequence: Sequence, shapes: dict[TableName, Shape]) -> bool:
    shape = shapes.get(sequence.owner_table) if sequence.owner_table else None
    column = shape.column(sequence.owner_column) if shape and sequence.owner_column else None
    return column is not None and column.base_type in NUMBERS


def _owner(sequence: Sequence) -> TableName:
    assert sequence.owner_table is not None
    return sequence.owner_table
