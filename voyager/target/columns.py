"""The tables of the target and their columns, as the catalog has them now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.identifiers import TableName

if TYPE_CHECKING:
    from voyager.target.target import Target

GENERATED_SINCE = 120000
GONE = ""
"""The kind of a table that rows were loaded into and that is not there any more."""
_QUERY = """
SELECT n.nspname, c.relname, c.relkind::text,
       coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum) FILTER (WHERE NOT {generated}), '{{}}'),
       coalesce(pg_catalog.array_agg(a.attname::text ORDER BY a.attnum)
                FILTER (WHERE a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''), '{{}}')
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'ybvoyager')
GROUP BY 1, 2, 3
"""


@dataclass(frozen=True)
class TableColumns:
    """A relation of the target. `columns` take values in this order; those in `needed` must be given one."""

    name: TableName
    kind: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]

    @property
    def loadable(self) -> bool:
        return self.kind in ("r", "p", GONE)

    @property
    def there(self) -> bool:
        return self.kind != GONE


def read_tables(target: Target) -> Mapping[TableName, TableColumns]:
    """Every table and view of the target, in one query."""
    from voyager.postgres.connection import DriverError, translate

    generated = "a.attgenerated <> ''" if target.capabilities.version_number >= GENERATED_SINCE else "false"
    with target.connect("read target") as connection:
        try:
            rows = connection.execute(_QUERY.format(generated=generated)).fetchall()
        except DriverError as error:
            raise translate(error, f"read the tables of {target.endpoint.url}") from None
    found = (TableColumns(TableName(row[0], row[1]), row[2], tuple(row[3]), tuple(row[4])) for row in rows)
    return {table.name: table for table in found}
