"""Foreign keys of the target: which tables refer to which, and, after they were left aside, whether they still hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.postgres.connection import DriverError, connection_lost, primary_message, translate
from voyager.wording import counted

_REFERENCES = """
    SELECT n.nspname, c.relname, fn.nspname, f.relname, k.confdeltype::text NOT IN ('a', 'r') FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE k.contype = 'f'
"""

_PARTITIONS = """
    SELECT n.nspname, c.relname, pn.nspname, p.relname FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid AND c.relispartition JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = h.inhparent JOIN pg_namespace pn ON pn.oid = p.relnamespace
"""

# A foreign key of a partition, or to one, is a part of one of the whole tables, which is what must hold.
_KEYS = """
    WITH RECURSIVE concerned(oid, parent) AS (
        SELECT k.oid, {parent} FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(nspname, relname)
        JOIN pg_namespace n ON n.nspname = w.nspname
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname
        JOIN pg_constraint k ON k.contype = 'f' AND c.oid IN (k.conrelid, k.confrelid)
        UNION
        SELECT k.oid, {parent} FROM concerned b JOIN pg_constraint k ON k.oid = b.parent
    )
    SELECT k.conname, n.nspname, c.relname, c.relkind = 'p', fn.nspname, f.relname, f.relkind = 'p',
        k.confmatchtype = 'f', {period},
        ARRAY(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS u(number, place)
            JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place),
        ARRAY(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS u(number, place)
            JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.number ORDER BY u.place),
        ARRAY(SELECT 'OPERATOR(' || quote_ident(s.nspname) || '.' || o.oprname || ')'
            FROM unnest(k.conpfeqop) WITH ORDINALITY AS u(operator, place)
            JOIN pg_operator o ON o.oid = u.operator JOIN pg_namespace s ON s.oid = o.oprnamespace ORDER BY u.place)
    FROM concerned b JOIN pg_constraint k ON k.oid = b.oid AND k.convalidated
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
    WHERE b.parent = 0 ORDER BY n.nspname, c.relname, k.conname
"""


@dataclass(frozen=True)
class Family:
    """Tables by the foreign keys between them; those that are cut into partitions count as one with these.

    `cascading` are the edges along which deleting a row deletes or changes those that refer to it.
    """

    edges: frozenset[tuple[TableName, TableName]] = frozenset()
    cascading: frozenset[tuple[TableName, TableName]] = frozenset()
    wholes: Mapping[TableName, TableName] = field(default_factory=dict)

    def whole(self, table: TableName) -> TableName:
        return self.wholes.get(table, table)

    def refers(self, table: TableName, other: TableName) -> bool:
        """Whether another table's rows may be referred to by this one's."""
        return table != other and (self.whole(table), self.whole(other)) in self.edges

    def goes_with(self, table: TableName, other: TableName) -> bool:
        """Whether rows of this table go, or change, with those of another that they refer to."""
        return (self.whole(table), self.whole(other)) in self.cascading

    def takes_others_along(self, table: TableName) -> bool:
        """Whether deleting rows of this table deletes or changes rows that refer to them."""
        return any(parent == self.whole(table) for _, parent in self.cascading)

    def parents_first(self, tables: Iterable[TableName]) -> list[TableName]:
        """The tables in an order in which what is referred to comes first; those in a circle by name."""
        wanted = sorted(tables)
        wholes = parents_first({self.whole(table) for table in wanted}, self.edges)
        place = {whole: number for number, whole in enumerate(wholes)}
        return sorted(wanted, key=lambda table: place[self.whole(table)])


def families(connection: Any) -> Family:
    """Every foreign key of the database, and every partition."""
    above: dict[TableName, TableName] = {}
    if connection.info.server_version >= 100000:
        above = {TableName(*row[:2]): TableName(*row[2:]) for row in connection.execute(_PARTITIONS)}

    def whole(table: TableName) -> TableName:
        while table in above:
            table = above[table]
        return table

    rows = connection.execute(_REFERENCES).fetchall()
    edges = [((whole(TableName(*row[:2])), whole(TableName(*row[2:4]))), row[4]) for row in rows]
    cascading = frozenset(edge for edge, cascades in edges if cascades)
    return Family(frozenset(edge for edge, _ in edges), cascading, {table: whole(table) for table in above})


def parents_first(tables: Iterable[TableName], refers: Iterable[tuple[TableName, TableName]]) -> list[TableName]:
    """The tables in an order in which what is referred to comes first; tables that refer to each other by name."""
    left = set(tables)
    edges = {(child, parent) for child, parent in refers if child in left and parent in left and child != parent}
    ordered: list[TableName] = []
    while left:
        free = sorted(left - {child for child, parent in edges if parent in left})
        ordered += free or sorted(left)
        left -= set(ordered)
    return ordered


@dataclass(frozen=True)
class ForeignKey:
    """A foreign key that the server takes for granted, as SQL over the aliases c and p needs it."""

    name: str
    child: TableName
    child_partitioned: bool
    parent: TableName
    parent_partitioned: bool
    full: bool
    period: bool
    columns: tuple[str, ...]
    referred: tuple[str, ...]
    operators: tuple[str, ...]

    @property
    def orphans_sql(self) -> str:
        """SQL for the number of rows that refer to nothing."""
        mine = [f"c.{Identifier(name).sql}" for name in self.columns]
        theirs = [f"p.{Identifier(name).sql}" for name in self.referred]
        pairs = list(zip(theirs, self.operators, mine, strict=True))
        having = ""
        if self.period:  # the last one: the periods of what is referred to must cover this one's together
            having = f" HAVING pg_catalog.range_agg({theirs[-1]}) OPERATOR(pg_catalog.@>) {mine[-1]}"
            pairs[-1] = (theirs[-1], "OPERATOR(pg_catalog.&&)", mine[-1])
        match = " AND ".join(" ".join(pair) for pair in pairs)
        child, parent = (
            table.sql if partitioned else f"ONLY {table.sql}"
            for table, partitioned in ((self.child, self.child_partitioned), (self.parent, self.parent_partitioned))
        )
        whole = " AND ".join(f"{column} IS NOT NULL" for column in mine)
        half = f" OR NOT ({whole}) AND ({' OR '.join(f'{one} IS NOT NULL' for one in mine)})" if self.full else ""
        return (
            f"SELECT count(*) FROM {child} AS c WHERE ({whole}) AND NOT EXISTS "
            f"(SELECT 1 FROM {parent} AS p WHERE {match}{having}){half}"
        )


def broken_keys(connection: Any, tables: Iterable[TableName], *, checkpoint: Callable[[], None]) -> Iterator[str]:
    """Yield a sentence for every foreign key from or to `tables` that does not hold, or that cannot be looked at."""
    version = connection.info.server_version
    sql = _KEYS.format(
        parent="k.conparentid" if version >= 110000 else "0::oid",
        period="k.conperiod" if version >= 180000 else "false",
    )
    wanted = list(tables)
    names = {"schemas": [table.schema for table in wanted], "names": [table.name for table in wanted]}
    for row in connection.execute(sql, names).fetchall():
        name, schema, child, child_cut, parent_schema, parent, parent_cut, full, period, *lists = row
        key = ForeignKey(
            name,
            TableName(schema, child),
            child_cut,
            TableName(parent_schema, parent),
            parent_cut,
            full,
            period,
            *(tuple(one) for one in lists),
        )
        checkpoint()
        try:
            ((orphans,),) = connection.execute(key.orphans_sql.encode()).fetchall()
        except DriverError as error:
            if connection_lost(error):
                raise translate(error, f"look at the foreign keys of {key.child}") from error
            yield f"Foreign key {Identifier(name)} of {key.child} could not be checked: {primary_message(error)}."
            continue
        if orphans:
            yield (
                f"Foreign key {Identifier(name)} of {key.child} does not hold: {counted(orphans, 'row')} "
                f"without what {'it refers' if orphans == 1 else 'they refer'} to in {key.parent}."
            )
