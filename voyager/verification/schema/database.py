"""What belongs to a database itself and not to an object in it: no migration moves it, so it is named, not compared."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from voyager.identifiers import visible

_OF_THE_TARGET = """
    SELECT 'comment', current_database()::text, NULL, 'COMMENT ON DATABASE'
    WHERE shobj_description((SELECT oid FROM pg_database WHERE datname = current_database()), 'pg_database') IS NOT NULL
    UNION ALL
    SELECT 'setting', current_database()::text, r.rolname::text, 'ALTER DATABASE and ALTER ROLE ... SET: '
        || array_to_string(ARRAY(SELECT split_part(s, '=', 1) FROM unnest(g.setconfig) s), ', ')
    FROM pg_db_role_setting g
    JOIN pg_database db ON db.oid = g.setdatabase AND db.datname = current_database()
    LEFT JOIN pg_roles r ON r.oid = g.setrole
    UNION ALL
    SELECT 'grant', datname::text, NULL, 'GRANT and REVOKE ON DATABASE'
    FROM pg_database WHERE datname = current_database() AND datacl IS NOT NULL
    ORDER BY 1, 3 NULLS FIRST
"""


def of_target(connection: Any) -> list[dict[str, str]]:
    """What the target's database has of that kind, as the report names what is not compared. That of the source is
    named by what its export left behind."""
    return list(_named(connection.execute(_OF_THE_TARGET)))


def _named(rows: Iterable[tuple[str, str, str | None, str]]) -> Iterable[dict[str, str]]:
    for kind, database, role, what in rows:
        name = f"database {database} of the target{f' for role {role}' if role else ''}"
        yield {"kind": kind, "name": visible(name), "reason": visible(f"it belongs to the database itself: {what}")}
