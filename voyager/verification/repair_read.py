"""What repair SQL needs from the servers: how the target's table is made, and the exact text of the rows concerned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.verification.findings import RowDifference
from voyager.verification.readers import Readers
from voyager.verification.repair import RepairColumn, RepairTable, Row, Unique
from voyager.verification.repair_order import ForeignKey
from voyager.verification.rows_sql import text_of

# The search path is empty: the equality of an extension's type is in the schema of the type, all other in pg_catalog.
_COLUMNS = """
    WITH RECURSIVE below(domain, base) AS (
        SELECT oid, oid FROM pg_type
        UNION ALL
        SELECT d.domain, t.typbasetype FROM below d JOIN pg_type t ON t.oid = d.base AND t.typtype = 'd'
    )
    SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), {generated}, {identity} = 'a',
        CASE WHEN t.typtype = 'b' AND t.typcategory <> 'A' AND tn.nspname <> 'pg_catalog'
             THEN 'OPERATOR(' || quote_ident(tn.nspname) || '.=)' ELSE '=' END
    FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(nspname, relname)
    JOIN pg_namespace n ON n.nspname = w.nspname
    JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname AND c.relkind IN ('r', 'p')
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN below b ON b.domain = a.atttypid
    JOIN pg_type t ON t.oid = b.base AND t.typtype <> 'd'
    JOIN pg_namespace tn ON tn.oid = t.typnamespace
    ORDER BY c.oid, a.attnum
"""

# Indexes of partitions count for the table that is cut into them. What an expression or a predicate is made from is
# among an index's dependencies; a generated column, or the row as a whole, may change with any column.
_UNIQUES = """
    WITH RECURSIVE wanted(root, part) AS (
        SELECT c.oid, c.oid FROM unnest(%(schemas)s::text[], %(names)s::text[]) AS w(nspname, relname)
        JOIN pg_namespace n ON n.nspname = w.nspname
        JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = w.relname AND c.relkind IN ('r', 'p')
        UNION
        SELECT w.root, h.inhrelid FROM wanted w JOIN pg_class p ON p.oid = w.part AND p.relkind = 'p'
        JOIN pg_inherits h ON h.inhparent = p.oid
    )
    SELECT n.nspname, c.relname, bool_or(i.indexprs IS NOT NULL OR i.indpred IS NOT NULL),
        array_agg(a.attname::text) FILTER (WHERE a.attname IS NOT NULL),
        bool_or({generated}) OR EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
            AND d.objid = i.indexrelid AND d.refobjid = i.indrelid AND d.refobjsubid = 0),
        COALESCE(array_agg(a.attname::text) FILTER (WHERE NOT (a.attnotnull OR t.typnotnull OR {generated} OR {nulls}
            OR EXISTS (SELECT 1 FROM pg_constraint k WHERE k.contype = 'f' AND k.confrelid IN (c.oid, i.indrelid)
                AND a.attnum = ANY(k.confkey)))), '{{}}')
    FROM wanted w
    JOIN pg_class c ON c.oid = w.root JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_index i ON i.indrelid = w.part AND (i.indisunique OR i.indisexclusion)
    CROSS JOIN LATERAL (
        SELECT u.number::integer FROM unnest(i.indkey) WITH ORDINALITY AS u(number, place)
        WHERE u.place <= {key_columns}
        UNION SELECT d.refobjsubid FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
        AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid
    ) AS u
    LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.number AND a.attnum <> 0
    LEFT JOIN pg_type t ON t.oid = a.atttypid
    GROUP BY n.nspname, c.relname, i.indexrelid, i.indrelid
"""

_REFERRED_TO = """
    SELECT DISTINCT n.nspname, c.relname FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.confrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE k.contype = 'f'
"""

_SELF_REFERENCES = """
    SELECT n.nspname, c.relname, {refers}, {referred} FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE k.contype = 'f' AND k.conrelid = k.confrelid
""".format(
    **{
        name: f"ARRAY(SELECT a.attname::text FROM unnest(k.{column}) WITH ORDINALITY AS u(number, place) "
        "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.number ORDER BY u.place)"
        for name, column in (("refers", "conkey"), ("referred", "confkey"))
    }
)


@dataclass(frozen=True)
class Concerned:
    """A table with differences: the columns that were compared, in order, and the key that names its rows.

    Without a key `row_texts` is SQL, over the alias t, for the text whose hash names a row on source and target.
    `partitioned` says that the target has cut it into partitions.
    """

    table: TableName
    columns: tuple[str, ...]
    key: tuple[str, ...]
    row_texts: tuple[str, str] = ("", "")
    partitioned: bool = False


def describe(
    connection: Any, tables: Iterable[Concerned], *, by_place: bool, replication_role: bool = False
) -> dict[TableName, RepairTable]:
    """The tables as `connection` has them, also those without a column. `replication_role` says that foreign keys are
    left aside when rows are repaired."""
    wanted = {one.table: one for one in tables}
    found: dict[TableName, dict[str, RepairColumn]] = {table: {} for table in wanted}
    for schema, name, *column in _columns(connection, list(wanted)):
        found[TableName(schema, name)][column[0]] = RepairColumn(*column)
    referred = set() if replication_role else {TableName(*row) for row in connection.execute(_REFERRED_TO)}
    uniques = _uniques(connection, wanted.values())
    return {
        table: RepairTable(
            table,
            tuple(columns[name] for name in wanted[table].columns if name in columns),
            wanted[table].key,
            # Rows of two partitions may have the same place.
            by_place=by_place and not wanted[table].partitioned,
            partitioned=wanted[table].partitioned,
            own=tuple(one for name, one in columns.items() if name not in wanted[table].columns and not one.generated),
            uniques=tuple(uniques.get(table, ())),
            stays=table in referred,
        )
        for table, columns in found.items()
    }


def _uniques(connection: Any, tables: Iterable[Concerned]) -> dict[TableName, list[Unique]]:
    """What must be unique beside the key that names rows, which no repair changes."""
    compared = {one.table: one for one in tables}
    version = connection.info.server_version
    sql = _UNIQUES.format(
        generated="a.attgenerated <> ''" if version >= 120000 else "false",
        nulls="i.indnullsnotdistinct" if version >= 150000 else "false",
        key_columns="i.indnkeyatts" if version >= 110000 else "i.indnatts",
    )
    found: dict[TableName, list[Unique]] = {}
    for schema, name, more, columns, any_column, may_be_null in connection.execute(sql, _named(list(compared))):
        table = TableName(schema, name)
        if any_column or not columns:
            found.setdefault(table, []).append(Unique(None))
        elif more or set(columns) - set(compared[table].key):
            found.setdefault(table, []).append(Unique(frozenset(columns), frozenset(() if more else may_be_null)))
    return found


def self_references(connection: Any) -> dict[TableName, list[ForeignKey]]:
    """The foreign keys of tables to themselves."""
    found: dict[TableName, list[ForeignKey]] = {}
    for schema, table, refers, referred in connection.execute(_SELF_REFERENCES):
        found.setdefault(TableName(schema, table), []).append((tuple(refers), tuple(referred)))
    return found


@dataclass(frozen=True)
class RowReader:
    """Reads rows of one table on one side, by the keys or the names that differences give them."""

    side: Readers
    table: RepairTable
    named_by: str = ""

    def __call__(self, rows: Sequence[RowDifference]) -> Mapping[RowDifference, Row]:
        return self.side.use(lambda connection: self._read(connection, rows), f"read rows of {self.table.table}")

    def _read(self, connection: Any, rows: Sequence[RowDifference]) -> Mapping[RowDifference, Row]:
        found: dict[RowDifference, Row] = {}
        sql, parameters = self._by_key(connection, rows) if self.table.key else self._by_name(rows)
        names = [*(column.name for column in self.table.columns), *([] if self.table.key else [""])]
        by_name = {row.key[0][1]: row for row in rows} if not self.table.key else {}
        with connection.cursor() as cursor, cursor.copy(sql, parameters) as copy:
            for line in copy:
                first, *values = bytes(line).removesuffix(b"\n").split(b"\t")
                row = by_name[first.decode()] if by_name else rows[int(first) - 1]
                found[row] = dict(zip(names, map(text_of, values), strict=True))
        return found

    def _by_key(self, connection: Any, rows: Sequence[RowDifference]) -> tuple[str, dict[str, Any]]:
        """One query for all: their keys travel as text and are read as the types that this side has."""
        types = {column[2]: (column[3], column[6]) for column in _columns(connection, [self.table.table])}
        given = ", ".join(f"%(k{place})s::text[]" for place in range(len(self.table.key)))
        alias = ", ".join(f"k{place}" for place in range(len(self.table.key)))
        match = " AND ".join(
            f"t.{Identifier(name).sql} {types[name][1]} w.k{place}::{types[name][0]}".replace("%", "%%")
            for place, name in enumerate(self.table.key)
        )
        wanted = f"unnest({given}) WITH ORDINALITY AS w({alias}, n)"
        source = f"FROM {wanted} JOIN {self._relation} ON {match}"
        keys = {f"k{place}": [row.key[place][1] for row in rows] for place in range(len(self.table.key))}
        return f"COPY (SELECT w.n{self._values} {source}) TO STDOUT", keys

    def _by_name(self, rows: Sequence[RowDifference]) -> tuple[str, dict[str, Any]]:
        text = self.table.row_text
        name = f"md5(convert_to({self.named_by or text}, 'UTF8'))"
        chosen = _percent(f'SELECT DISTINCT ON ({text} COLLATE "C") {name}') + self._values + _percent(f", {text}")
        source = f"FROM {self._relation} WHERE {_percent(name)}"
        return f"COPY ({chosen} {source} = ANY(%(names)s::text[])) TO STDOUT", {
            "names": [row.key[0][1] for row in rows]
        }

    @property
    def _relation(self) -> str:
        of_target = self.side.name == "target"
        relation = self.table.relation if of_target else f"ONLY {self.table.table.sql}"
        return _percent(f"{relation} AS t")

    @property
    def _values(self) -> str:
        return _percent("".join(f", t.{column.sql}" for column in self.table.columns))


def _columns(connection: Any, tables: Sequence[TableName]) -> list[tuple[Any, ...]]:
    version = connection.info.server_version
    sql = _COLUMNS.format(
        generated="a.attgenerated <> ''" if version >= 120000 else "false",
        identity="a.attidentity" if version >= 100000 else "''",
    )
    return list(connection.execute(sql, _named(tables)).fetchall())


def _named(tables: Sequence[TableName]) -> dict[str, list[str]]:
    return {"schemas": [table.schema for table in tables], "names": [table.name for table in tables]}


def _percent(sql: str) -> str:
    """A percent sign in a name is not a placeholder."""
    return sql.replace("%", "%%")
