"""Which tables may travel in COPY's binary form: every column of the same built-in type on both sides, read alike."""

from __future__ import annotations

import re
from collections.abc import Mapping

from voyager.catalog import Table
from voyager.ports import Capabilities

_MODIFIER = re.compile(r"\(\d+(,-?\d+)?\)")
_FIRST_WITH_INTEGER_TIMES = 100000
_FIRST_WITH_INFINITE_INTERVALS = 170000

# Types whose binary form has not changed since PostgreSQL 10 and holds no number of a catalog. Left out for that: xml,
# money, the text search and registry types, and every type of a user (an array of one carries its oid).
_ALIKE = frozenset(
    {
        "boolean", "smallint", "integer", "bigint", "oid", "real", "double precision", "numeric", '"char"', "name",
        "text", "character varying", "character", "bytea", "json", "jsonb", "uuid", "date", "time without time zone",
        "time with time zone", "timestamp without time zone", "timestamp with time zone", "interval", "inet", "cidr",
        "macaddr", "macaddr8", "bit", "bit varying", "pg_lsn", "point", "line", "lseg", "box", "path", "polygon",
        "circle", "int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange",
    }
)  # fmt: skip


def binary_alike(table: Table, there: Mapping[str, str], source: Capabilities, target: Capabilities) -> bool:
    """Whether `table` may travel in binary to a target table whose columns have the types `there`."""
    if not target.binary_copy or min(source.version_number, target.version_number) < _FIRST_WITH_INTEGER_TIMES:
        return False
    copied = set(table.copied_columns)
    types = {column.name: column.type_name for column in table.columns if column.name in copied}
    if not types or any(there.get(name) != type_name for name, type_name in types.items()):
        return False
    known = _ALIKE if _intervals_alike(source, target) else _ALIKE - {"interval"}
    return all(base_type(type_name) in known for type_name in types.values())


def base_type(type_name: str) -> str:
    """`numeric(10,2)[]` -> "numeric"; `interval day to second(3)` -> "interval"."""
    plain = _MODIFIER.sub("", type_name.removesuffix("[]"))
    return "interval" if plain.startswith("interval ") else plain


def _intervals_alike(source: Capabilities, target: Capabilities) -> bool:
    """An infinite interval is an ordinary one, of a few hundred million years, to a server that does not know it."""
    newer = [one.version_number >= _FIRST_WITH_INFINITE_INTERVALS for one in (source, target)]
    return newer[0] <= newer[1]
