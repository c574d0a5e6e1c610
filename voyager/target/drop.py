"""Drop what a schema import made: the undo of `--start-clean`, object by object, last made first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voyager.identifiers import Identifier, TableName
from voyager.target import ddl

if TYPE_CHECKING:
    import psycopg

_BY_NAME = {
    "extension": "EXTENSION",
    "language": "LANGUAGE",
    "access_method": "ACCESS METHOD",
    "foreign_data_wrapper": "FOREIGN DATA WRAPPER",
    "server": "SERVER",
    "publication": "PUBLICATION",
    "event_trigger": "EVENT TRIGGER",
    "schema": "SCHEMA",
}
_IN_SCHEMA = {
    "table": "TABLE",
    "foreign_table": "FOREIGN TABLE",
    "sequence": "SEQUENCE",
    "view": "VIEW",
    "materialized_view": "MATERIALIZED VIEW",
    "type": "TYPE",
    "domain": "DOMAIN",
    "collation": "COLLATION",
    "conversion": "CONVERSION",
    "statistics": "STATISTICS",
}
_ROUTINES = {"function", "procedure", "aggregate"}
_SERVERS_OWN = {"public"}

_SIGNATURES = """
SELECT pg_catalog.format('%%I.%%I(%%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid))
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = %s AND p.proname = %s
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
"""
_FAMILIES = """
SELECT pg_catalog.format('%%I.%%I USING %%I', n.nspname, f.opfname, a.amname)
FROM pg_catalog.pg_opfamily f
JOIN pg_catalog.pg_namespace n ON n.oid = f.opfnamespace
JOIN pg_catalog.pg_am a ON a.oid = f.opfmethod
WHERE n.nspname = %s AND f.opfname = %s
"""


def drop_from_table(connection: psycopg.Connection, *, kind: str, table: TableName, name: str) -> None:
    """Drop a constraint or a trigger of a table, if both are there."""
    what = f"the drop of {kind} {Identifier(name)} on {table}"
    if kind == "trigger":
        ddl.execute(connection, f"DROP TRIGGER IF EXISTS {Identifier(name).sql} ON {table.sql}", what=what)
    else:
        sql = f"ALTER TABLE IF EXISTS {table.sql} DROP CONSTRAINT IF EXISTS {Identifier(name).sql}"
        ddl.execute(connection, sql, what=what)


def drop(connection: psycopg.Connection, *, kind: str, schema: str, name: str) -> bool:
    """Drop one object and what depends on it; False when its kind goes with another object (a constraint, a default).

    Nothing happens when it is gone already. All overloads of a routine's name go. The schema `public` stays.
    """
    what = f"the drop of {kind} {TableName(schema, name) if schema else Identifier(name)}"
    if kind in _BY_NAME:
        if kind != "schema" or name not in _SERVERS_OWN:
            ddl.execute(connection, f"DROP {_BY_NAME[kind]} IF EXISTS {Identifier(name).sql} CASCADE", what=what)
        return True
    if kind in _IN_SCHEMA:
        ddl.execute(connection, f"DROP {_IN_SCHEMA[kind]} IF EXISTS {TableName(schema, name).sql} CASCADE", what=what)
        return True
    if kind in _ROUTINES:
        for (signature,) in connection.execute(_SIGNATURES, [schema, name]).fetchall():
            ddl.execute(connection, f"DROP ROUTINE IF EXISTS {signature} CASCADE", what=what)
        return True
    if kind in {"operator_family", "operator_class"}:
        for (family,) in connection.execute(_FAMILIES, [schema, name]).fetchall():
            ddl.execute(connection, f"DROP OPERATOR FAMILY IF EXISTS {family} CASCADE", what=what)
        return True
    return False
