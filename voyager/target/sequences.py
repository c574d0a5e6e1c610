"""Sequences of the target: set beyond what the source handed out and what the columns hold, and checked for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as ListOf
from dataclasses import dataclass, field
from typing import Any, TypeVar

from voyager.catalog import Sequence
from voyager.identifiers import Identifier, TableName
from voyager.postgres.attempts import repeat
from voyager.postgres.connection import Connection, DriverError, named_rows, translate

T = TypeVar("T")

AT_ONCE = 100
"""Sequences per query."""


@dataclass(frozen=True)
class Column:
    """A numeric column that a sequence feeds."""

    table: TableName
    name: str
    integer: bool = True

    def __str__(self) -> str:
        return f"{self.table}.{Identifier(self.name)}"


@dataclass(frozen=True)
class Behind:
    """A sequence whose next value is not beyond the furthest value (the largest, or the smallest of a descending
    one) of a column that it feeds."""

    name: TableName
    next_value: int
    column: Column
    furthest: int

    def __str__(self) -> str:
        return f"Sequence {self.name} gives {self.next_value} next, but {self.column} already goes to {self.furthest}."

    @property
    def remedy(self) -> str:
        """The statement that moves the sequence beyond the column."""
        quoted = self.name.sql.replace("'", "''")
        return f"SELECT pg_catalog.setval('{quoted}', {self.furthest});"


@dataclass(frozen=True)
class UsedUp:
    """A sequence that has values left in the source and none in the target, because a column that it feeds holds its
    last one already: a row with a value of its own, not the sequence's."""

    name: TableName
    next_in_source: int
    column: Column
    furthest: int

    def __str__(self) -> str:
        return (
            f"Sequence {self.name} has no value left in the target, for {self.column} goes to {self.furthest}; the "
            f"source gives {self.next_in_source} next. Inserts that ask it for a value will fail."
        )

    @property
    def remedy(self) -> str:
        """What to do, with the statement that puts the sequence where the source's is."""
        quoted = self.name.sql.replace("'", "''")
        return (
            "Give that row another value in the source and in the target, then run in the target: "
            f"SELECT pg_catalog.setval('{quoted}', {self.next_in_source}, false);"
        )


@dataclass(frozen=True)
class Restored:
    """`values` holds what each sequence gives next; `missing` those that the target does not have; `used_up` those that
    have none left there alone."""

    values: dict[TableName, int] = field(default_factory=dict)
    missing: tuple[TableName, ...] = ()
    used_up: tuple[UsedUp, ...] = ()


@dataclass(frozen=True)
class Checked:
    """`behind` would hand out values that exist; `used_up` have none left, in the target alone."""

    behind: tuple[Behind, ...] = ()
    used_up: tuple[UsedUp, ...] = ()


@dataclass(frozen=True)
class _Standing:
    """One sequence of the target as it is."""

    oid: int
    name: TableName
    increment: int
    minimum: int
    maximum: int
    cycles: bool
    last_value: int = 0
    called: bool = False
    furthest: tuple[tuple[Column, int], ...] = ()

    @property
    def next_value(self) -> int:
        return self.last_value + self.increment if self.called else self.last_value

    def beyond(self, value: int, other: int) -> bool:
        """True when `value` comes after `other` in the direction of this sequence."""
        return value > other if self.increment > 0 else value < other

    def within(self, value: int) -> int:
        return max(self.minimum, min(self.maximum, value))


def restore(
    connection: Connection, sequences: Iterable[Sequence], *, checkpoint: Callable[[], None] = lambda: None
) -> Restored:
    """Set each sequence to the furthest of the source's position, its columns' values and where it stands now.

    Never backwards, so it may be repeated when the target is in use already. A sequence that was never called stays
    uncalled. `checkpoint` is called between groups.
    """
    wanted = {sequence.name: sequence for sequence in sequences}
    values: dict[TableName, int] = {}
    used_up: list[UsedUp] = []
    for names in _groups(list(wanted)):
        checkpoint()
        standings = _ask(_read, connection, names)
        targets = {standing: _position(standing, wanted[standing.name]) for standing in standings}
        _ask(_set, connection, targets)
        for standing, (value, called) in targets.items():
            values[standing.name] = value + standing.increment if called else value
            used_up += _used_up(standing, wanted[standing.name], values[standing.name])
    return Restored(values, tuple(name for name in wanted if name not in values), tuple(used_up))


def _used_up(standing: _Standing, source: Sequence, next_value: int) -> list[UsedUp]:
    """The sequence, where the target alone has nothing left to give and a column is why."""
    there = source.start if source.last_value is None else source.last_value + source.increment
    if standing.cycles or standing.within(next_value) == next_value or standing.within(there) != there:
        return []
    last = standing.maximum if standing.increment > 0 else standing.minimum
    why = [(column, value) for column, value in standing.furthest if standing.beyond(value + standing.increment, last)]
    return [UsedUp(standing.name, there, column, value) for column, value in why[:1]]


def advance(
    connection: Connection, tables: Iterable[TableName], *, checkpoint: Callable[[], None] = lambda: None
) -> list[TableName]:
    """Move each sequence that feeds a column of these tables beyond the column's values, where it is not; returns those
    that were moved. Sequences that cycle reuse values and are left alone."""
    moved = []
    for names in _groups(_ask(_feeding, connection, list(tables))):
        checkpoint()
        targets = {}
        for standing in _ask(_read, connection, names):
            position = _position(standing, _as_it_stands(standing))
            if not standing.cycles and position != (standing.last_value, standing.called):
                targets[standing] = position
        _ask(_set, connection, targets)
        moved += [standing.name for standing in targets]
    return moved


def check(connection: Connection, schemas: ListOf[str] = (), *, known: Iterable[Sequence] = ()) -> Checked:
    """The sequences in `schemas` (all when empty) that inserts would fail on after a cutover. Those that cycle reuse
    values and are left out. `known` are those of the source: only of these it is told when they are used up."""
    names = _ask(_names, connection, schemas)
    source = {sequence.name: sequence for sequence in known}
    behind: list[Behind] = []
    used_up: list[UsedUp] = []
    for group in _groups(names):
        for standing in _ask(_read, connection, group):
            for column, furthest in standing.furthest:
                if not standing.cycles and not standing.beyond(standing.next_value, furthest):
                    behind.append(Behind(standing.name, standing.next_value, column, furthest))
            if standing.name in source:
                used_up += _used_up(standing, source[standing.name], standing.next_value)
    return Checked(tuple(behind), tuple(used_up))


def _position(standing: _Standing, source: Sequence) -> tuple[int, bool]:
    """Return (value, is_called) for setval()."""
    if standing.cycles:
        # Its values are reused: only where the source stands counts.
        value = source.start if source.last_value is None else source.last_value
        return standing.within(value), source.last_value is not None
    furthest, called = standing.last_value, standing.called
    if not called:
        furthest, called = source.start, False
    if source.last_value is not None and (not called or standing.beyond(source.last_value, furthest)):
        furthest, called = source.last_value, True
    for _, value in standing.furthest:
        if called and standing.beyond(value, furthest):
            furthest = value
        elif not called and not standing.beyond(furthest, value):
            furthest = value + standing.increment
    inside = standing.within(furthest)
    # Past the last value there is only "all used up", which is what the last value, called, says.
    return inside, called or inside != furthest


def _set(connection: Connection, targets: dict[_Standing, tuple[int, bool]]) -> None:
    if not targets:
        return
    calls = ", ".join("pg_catalog.setval(%s::oid::regclass, %s, %s)" for _ in targets)
    parameters = [item for standing, (value, called) in targets.items() for item in (standing.oid, value, called)]
    connection.execute(f"SELECT {calls}", parameters, prepare=False)


def _as_it_stands(standing: _Standing) -> Sequence:
    """The sequence as a source that knows no more than its target."""
    last_value = standing.last_value if standing.called else None
    return Sequence(
        standing.name, last_value, standing.increment, standing.minimum, standing.maximum, standing.last_value
    )


def _feeding(connection: Connection, tables: ListOf[TableName]) -> list[TableName]:
    scope = {"schemas": [name.schema for name in tables], "names": [name.name for name in tables]}
    return [TableName(schema, name) for schema, name in connection.execute(_FEEDING, scope).fetchall()]


def _names(connection: Connection, schemas: ListOf[str]) -> list[TableName]:
    rows = connection.execute(_NAMES, {"schemas": list(schemas)}).fetchall()
    return [TableName(schema, name) for schema, name in rows]


def _read(connection: Connection, names: list[TableName]) -> list[_Standing]:
    """Four queries: what the sequences are, where they stand, which columns they feed, how far those go."""
    scope = {"schemas": [name.schema for name in names], "names": [name.name for name in names]}
    rows = named_rows(connection, _SEQUENCES, scope)
    positions = _positions(connection, rows)
    increments = {row.oid: row.seqincrement for row in rows}
    feeds = [
        (fed.sequence, increments[fed.sequence], Column(TableName(fed.nspname, fed.relname), fed.attname, fed.whole))
        for fed in named_rows(connection, _FEEDS, {"oids": list(increments)})
    ]
    furthest = _furthest(connection, feeds)
    return [
        _Standing(
            oid=row.oid,
            name=TableName(row.nspname, row.relname),
            increment=row.seqincrement,
            minimum=row.seqmin,
            maximum=row.seqmax,
            cycles=row.seqcycle,
            last_value=positions[row.oid][0],
            called=positions[row.oid][1],
            furthest=tuple((column, value) for oid, column, value in furthest if oid == row.oid),
        )
        for row in rows
    ]


def _positions(connection: Connection, rows: list[Any]) -> dict[int, tuple[int, bool]]:
    if not rows:
        return {}
    parts = (
        f"SELECT {row.oid:d}::int8, last_value, is_called FROM {TableName(row.nspname, row.relname).sql}"
        for row in rows
    )
    found = connection.execute(" UNION ALL ".join(parts).encode(), prepare=False)
    return {oid: (last_value, called) for oid, last_value, called in found}


def _furthest(connection: Connection, feeds: list[tuple[int, int, Column]]) -> list[tuple[int, Column, int]]:
    """Without ONLY: what inherits a default or is a partition takes its values from the same sequence."""
    parts = []
    for place, (_, increment, column) in enumerate(feeds):
        name = Identifier(column.name).sql
        value = f"{'max' if increment > 0 else 'min'}({name})"
        if not column.integer:
            # NaN and infinity sort above every number; no sequence could reach them.
            value += f" FILTER (WHERE {name}::pg_catalog.text !~ '[a-z]')"
        parts.append(f"SELECT {place}, pg_catalog.trunc({value}::pg_catalog.numeric) FROM {column.table.sql}")
    if not parts:
        return []
    found = connection.execute(" UNION ALL ".join(parts).encode(), prepare=False)
    return [(feeds[place][0], feeds[place][2], int(value)) for place, value in found if value is not None]


def _groups(names: list[TableName]) -> Iterator[list[TableName]]:
    return (names[start : start + AT_ONCE] for start in range(0, len(names), AT_ONCE))


def _ask(action: Callable[..., T], *args: Any) -> T:
    """Setting a sequence twice does no harm, so everything here may be repeated."""
    try:
        return repeat(action, *args)
    except DriverError as error:
        raise translate(error, "read and set the sequences of the target") from error


_NAMES = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S' AND c.relpersistence <> 't'
  AND (pg_catalog.cardinality(%(schemas)s::text[]) = 0 AND n.nspname <> 'ybvoyager' OR n.nspname = ANY (%(schemas)s))
ORDER BY 1, 2
"""

# Of tables: what is owned by a column, and what a default takes its value from.
_FEEDING = """
SELECT DISTINCT sn.nspname, s.relname
FROM ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS w (nspname, relname)
JOIN pg_catalog.pg_namespace n ON n.nspname = w.nspname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname
CROSS JOIN LATERAL (
    SELECT d.objid AS sequence FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid > 0
    UNION ALL
    SELECT d.refobjid FROM pg_catalog.pg_attrdef ad
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = ad.oid
    WHERE ad.adrelid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
) f
JOIN pg_catalog.pg_class s ON s.oid = f.sequence AND s.relkind = 'S'
JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
ORDER BY 1, 2
"""

_SEQUENCES = """
SELECT c.oid::int8 AS oid, n.nspname, c.relname, s.seqincrement, s.seqmin, s.seqmax, s.seqcycle
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS w (nspname, relname)
  ON w.nspname = n.nspname AND w.relname = c.relname
WHERE c.relkind = 'S'
ORDER BY n.nspname, c.relname
"""

# A sequence feeds the column that owns it (serial, identity) and every column whose default is just its nextval().
_FEEDS = """
SELECT DISTINCT f.sequence::int8 AS sequence, tn.nspname, t.relname, a.attname,
       b.typname IN ('int2', 'int4', 'int8') AS whole
FROM (
    SELECT d.objid AS sequence, d.refobjid AS relid, d.refobjsubid AS attnum
    FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = ANY (%(oids)s::oid[]) AND d.deptype IN ('a', 'i')
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjsubid > 0
    UNION ALL
    SELECT d.refobjid, ad.adrelid, ad.adnum
    FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef ad ON ad.oid = d.objid
    WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass
      AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = ANY (%(oids)s::oid[])
      AND pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) ~ '^[(]*nextval[(].*::regclass[)]+(::[a-z ]+)?[)]*$'
) f
JOIN pg_catalog.pg_class t ON t.oid = f.relid AND t.relkind IN ('r', 'p')
JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.relid AND a.attnum = f.attnum
JOIN pg_catalog.pg_type ty ON ty.oid = a.atttypid
JOIN pg_catalog.pg_type b ON b.oid = CASE WHEN ty.typtype = 'd' THEN ty.typbasetype ELSE ty.oid END
WHERE b.typname IN ('int2', 'int4', 'int8', 'numeric') AND b.typnamespace = 'pg_catalog'::regnamespace
ORDER BY 1, 2, 3, 4
"""
