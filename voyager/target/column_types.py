"""The columns of the target's tables and their types, asked for many tables at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from voyager.identifiers import TableName
from voyager.postgres.connection import Connection, DriverError, translate

# format_type() leaves the schema out only for types of pg_catalog: the search path is empty on these connections.
_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[]))
  AS asked (nspname, relname) ON asked.nspname = n.nspname AND asked.relname = c.relname
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p')
"""


def read_column_types(connection: Connection, tables: Iterable[TableName]) -> dict[TableName, dict[str, str]]:
    """The columns of each table with their types, as format_type() spells them; a table that is not there is left
    out."""
    names = list(tables)
    arguments = {"schemas": [name.schema for name in names], "names": [name.name for name in names]}
    found: dict[TableName, dict[str, str]] = defaultdict(dict)
    try:
        for schema, table, column, type_name in connection.execute(_COLUMNS, arguments):
            columns = found[TableName(schema, table)]
            if column is not None:
                columns[column] = type_name
    except DriverError as error:
        raise translate(error, "read the target's tables") from None
    return dict(found)
