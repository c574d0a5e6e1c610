"""Read what a PostgreSQL source holds: a fixed number of queries, however many tables there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import resources
from typing import Any

import psycopg

from voyager.catalog import Catalog, Column, Disposition, Sequence, Table
from voyager.errors import UsageError
from voyager.identifiers import TableName, visible
from voyager.postgres.connection import named_rows

_FIRST_WITH_GENERATED_COLUMNS = 120000
_FIRST_WITH_JIT = 110000
_SEQUENCES_A_QUERY = 500


def query(name: str) -> str:
    """The text of catalog/<name>.sql."""
    return (resources.files("voyager.sources.postgresql") / "catalog" / f"{name}.sql").read_text("utf-8")


def fetch(connection: psycopg.Connection, name: str, parameters: dict[str, Any]) -> list[Any]:
    """The rows of catalog/<name>.sql, with its columns as attributes."""
    return named_rows(connection, query(name), parameters)


def read_schemas(connection: psycopg.Connection, chosen: tuple[str, ...]) -> dict[int, str]:
    """The schemas to read by oid. A chosen one that does not exist is refused: a typo must not mean "nothing to do"."""
    found: dict[int, str] = dict(connection.execute(query("schemas"), {"schemas": list(chosen)}).fetchall())
    missing = sorted(set(chosen) - set(found.values()))
    if missing:
        names = ", ".join(visible(name) for name in missing)
        existing = read_schemas(connection, ())
        raise UsageError(
            f"The source has no schema {names}.",
            "Schemas there are: " + ", ".join(visible(name) for name in existing.values()),
        )
    return found


def read_catalog(connection: psycopg.Connection, chosen: tuple[str, ...]) -> Catalog:
    """Every relation and sequence of the chosen schemas, and what will be left behind, as of one moment."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        # A catalog that grew since its last ANALYZE is estimated at one row; nested loops over it take minutes.
        connection.execute("SET LOCAL enable_nestloop = off")
        if connection.info.server_version >= _FIRST_WITH_JIT:
            # The cost of a nested loop that cannot be avoided would have every one of these queries compiled.
            connection.execute("SET LOCAL jit = off")
        schemas = read_schemas(connection, chosen)
        scope = {"schema_oids": list(schemas)}
        tables, of_extensions = _read_tables(connection, scope)
        sequences, unreadable = _read_sequences(connection, scope)
        left_behind = [
            Disposition(kind, visible(name), "skipped", visible(f"{number:,}: {reason}" if number > 1 else reason))
            for kind, name, number, reason in connection.execute(query("not_migrated"))
        ]
        not_chosen = [
            Disposition("schema", visible(name), "skipped", "it is not among the chosen schemas")
            for oid, name in (read_schemas(connection, ()).items() if chosen else ())
            if oid not in schemas
        ]
    return Catalog(tuple(tables), tuple(sequences), (*of_extensions, *unreadable, *not_chosen, *left_behind))


def _read_tables(connection: psycopg.Connection, scope: dict[str, Any]) -> tuple[list[Table], list[Disposition]]:
    columns: dict[int, Any] = dict(connection.execute(_columns_query(connection), scope).fetchall())
    keys: dict[int, Any] = dict(connection.execute(query("keys"), scope).fetchall())
    tables, of_extensions = [], []
    for row in fetch(connection, "tables", scope):
        name = TableName(row.nspname, row.relname)
        if row.extension:
            reason = f"belongs to extension {visible(row.extension)}, which makes it on the target"
            of_extensions.append(Disposition("table", str(name), "skipped", reason))
            continue
        table = Table(
            name=name,
            kind=row.kind,
            columns=tuple(Column(*values) for values in columns.get(row.oid, ())),
            key=tuple(keys.get(row.oid, ())),
            pages=row.pages,
            rows_estimate=_estimate(row.reltuples, row.relpages, row.pages),
            bytes=row.bytes,
            parent=TableName(row.parent_schema, row.parent_name) if row.parent_name else None,
            unlogged=row.unlogged,
            row_security=row.relrowsecurity,
            populated=row.relispopulated,
        )
        tables.append(table)
    return tables, of_extensions


def _columns_query(connection: psycopg.Connection) -> str:
    generated = connection.info.server_version >= _FIRST_WITH_GENERATED_COLUMNS
    return query("columns").replace("{generated}", "a.attgenerated" if generated else "''")


def _estimate(reltuples: float, relpages: int, pages: int) -> int:
    """Rows now, as the planner reckons: the density of the last VACUUM or ANALYZE times today's size; -1 unknown."""
    if reltuples < 0 or (reltuples == 0 and relpages == 0):
        return -1
    if relpages > 0 and pages > 0:
        return round(reltuples / relpages * pages)
    return round(reltuples)


def _read_sequences(connection: psycopg.Connection, scope: dict[str, Any]) -> tuple[list[Sequence], list[Disposition]]:
    rows = fetch(connection, "sequences", scope)
    fed = {row.sequence: row for row in fetch(connection, "feeds", scope)}
    names = {row.seqrelid: TableName(row.nspname, row.relname) for row in rows}
    uncalled = [row.seqrelid for row in rows if row.last_value is None and row.readable]
    starts = dict(_read_starts(connection, {oid: names[oid] for oid in uncalled}))
    sequences = [
        Sequence(
            name=names[row.seqrelid],
            last_value=row.last_value,
            increment=row.seqincrement,
            minimum=row.seqmin,
            maximum=row.seqmax,
            start=starts.get(row.seqrelid, row.seqstart),
            owner_table=TableName(column.nspname, column.relname) if (column := fed.get(row.seqrelid)) else None,
            owner_column=column.attname if column else None,
            cycles=row.seqcycle,
        )
        for row in rows
    ]
    unreadable = [
        Disposition(
            "sequence value", str(names[row.seqrelid]), "skipped",
            f"the role may not read it: GRANT SELECT ON SEQUENCE {names[row.seqrelid].sql} TO …"
            if row.present
            else "it is unlogged and the source is a standby",
        )
        for row in rows
        if row.last_value is None and not row.readable
    ]  # fmt: skip
    return sequences, unreadable


def _read_starts(connection: psycopg.Connection, names: dict[int, TableName]) -> Iterator[tuple[int, int]]:
    """What the first nextval() of each uncalled sequence gives: setval(…, false) may have moved it off its START."""
    for batch in _batches(list(names.items()), _SEQUENCES_A_QUERY):
        # The oid is a number of the catalog; a name becomes SQL by quoting only.
        text = " UNION ALL ".join(f"SELECT {oid:d}::int8, last_value, is_called FROM {name.sql}" for oid, name in batch)
        for oid, value, called in connection.execute(text.encode()):
            if not called:
                yield oid, value


def _batches(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
