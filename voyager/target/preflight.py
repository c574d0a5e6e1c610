"""The guardrails of the target: what must be so before a phase writes to it, each with the SQL that repairs it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from voyager.identifiers import Identifier, TableName
from voyager.ports import Capabilities, Check
from voyager.postgres.connection import Connection

OLDEST = 110000
_SHOWN = 10
_STATE_SCHEMA = "ybvoyager"

_SCHEMAS = """
SELECT n.nspname,
       pg_catalog.has_schema_privilege(n.oid, 'CREATE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
FROM pg_catalog.pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
"""
_RELATIONS = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'ybvoyager')
  AND (pg_catalog.cardinality(%(schemas)s::text[]) = 0 OR n.nspname = ANY (%(schemas)s))
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                  WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                    AND c.relkind = 'S')
ORDER BY 1, 2
"""
_TRIGGERS = """
SELECT DISTINCT n.nspname, c.relname
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE t.tgenabled IN ('O', 'A') AND n.nspname <> 'ybvoyager'
ORDER BY 1, 2
"""


@dataclass(frozen=True)
class Coming:
    """What is to come into the target: the source's capabilities, its schemas (empty: all) and extensions."""

    source: Capabilities | None = None
    schemas: tuple[str, ...] = ()
    extensions: tuple[str, ...] = ()
    allow_non_empty: bool = False


def preflight(connection: Connection, capabilities: Capabilities, phase: str, coming: Coming) -> list[Check]:
    """The checks of `phase`; what needs to know the source is asked only where `coming` says it."""
    checks = [_version(capabilities), *_writable(connection, capabilities)]
    if coming.source is not None:
        checks += [
            *_other_database(capabilities, coming.source),
            _encoding(capabilities, coming.source),
            *_collation(capabilities, coming.source),
            *_older(capabilities, coming.source),
        ]
    if phase in ("INITIALIZE", "IMPORT_SCHEMA"):
        checks += [*_create_privileges(connection, capabilities, coming), *_extensions(connection, coming)]
    if phase == "INITIALIZE":
        checks += [*_empty(connection, coming), *_replication_role(capabilities)]
    # An export asks the target only when it streams into it.
    if phase in ("IMPORT_DATA", "EXPORT_DATA"):
        checks += _triggers(connection, capabilities)
    return checks


def _version(capabilities: Capabilities) -> Check:
    shown = f"YugabyteDB {capabilities.release}" if capabilities.release else f"PostgreSQL {capabilities.version}"
    if capabilities.version_number < OLDEST:
        return Check("target_version", "error", f"The target is {shown}; the oldest that can be written is 11.")
    return Check("target_version", "ok", f"target is {shown}")


def _writable(connection: Connection, capabilities: Capabilities) -> Iterator[Check]:
    if capabilities.read_only_standby:
        yield Check("target_writable", "error", "The target is a standby and takes no writes; connect to its primary.")
        return
    row = connection.execute("SELECT pg_catalog.current_setting('transaction_read_only')").fetchone()
    if row and row[0] == "on":
        role = Identifier(capabilities.facts["role"])
        finding = f"Transactions of role {role} are read-only in the target by default."
        yield Check(
            "target_writable", "error", finding, f"ALTER ROLE {role.sql} SET default_transaction_read_only = off;"
        )


def _other_database(capabilities: Capabilities, source: Capabilities) -> Iterator[Check]:
    ours, theirs = ((facts.facts.get("cluster"), facts.facts.get("database_oid")) for facts in (capabilities, source))
    if ours[0] and ours == theirs:
        finding = "Source and target are the same database, reached in two ways; name another target."
        yield Check("target_is_source", "error", finding)


def _encoding(capabilities: Capabilities, source: Capabilities) -> Check:
    ours, theirs = capabilities.facts["encoding"], source.facts.get("encoding", "UTF8")
    if ours in ("UTF8", theirs):
        return Check("target_encoding", "ok", f"target encoding {ours}")
    finding = f"The target's encoding is {ours} and the source's {theirs}: not every character has a place there."
    sql = "CREATE DATABASE … TEMPLATE template0 ENCODING 'UTF8';"
    return Check("target_encoding", "error", finding, sql)


def _collation(capabilities: Capabilities, source: Capabilities) -> Iterator[Check]:
    ours, theirs = ((facts.facts.get("collate"), facts.facts.get("ctype")) for facts in (capabilities, source))
    if theirs[0] and ours != theirs:
        finding = (
            f"The source sorts text by {theirs[0]} (characters: {theirs[1]}), the target by {ours[0]} ({ours[1]}): "
            "ORDER BY, ranges of text and upper() may answer differently."
        )
        yield Check("target_collation", "warning", finding)


def _older(capabilities: Capabilities, source: Capabilities) -> Iterator[Check]:
    ours, theirs = capabilities.version_number // 10000, source.version_number // 10000
    if ours < theirs:
        finding = (
            f"The target is based on PostgreSQL {ours}, the source is {theirs}: DDL that came in between is refused; "
            "analyze-schema finds it."
        )
        yield Check("target_older", "warning", finding)


def _create_privileges(connection: Connection, capabilities: Capabilities, coming: Coming) -> Iterator[Check]:
    role = Identifier(capabilities.facts["role"])
    usable: dict[str, bool] = dict(connection.execute(_SCHEMAS).fetchall())
    needed = {_STATE_SCHEMA, *coming.schemas}
    for name in sorted(needed | ({"public"} if not coming.schemas else set())):
        if usable.get(name, True):
            continue
        schema = Identifier(name)
        finding = f"Role {role} may not create objects in schema {schema} of the target."
        sql = f"GRANT USAGE, CREATE ON SCHEMA {schema.sql} TO {role.sql};"
        yield Check("target_schema_create", "error", finding, sql, exit_code=9)
    row = connection.execute(
        "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
    ).fetchone()
    missing = sorted(str(Identifier(name)) for name in needed - usable.keys())
    if row and not row[0] and (missing or not coming.schemas):
        database = Identifier(capabilities.facts["database"])
        finding = f"Role {role} may not create schemas in the target database {database}."
        if missing:
            finding += f" It needs: {', '.join(missing)}."
        sql = f"GRANT CREATE ON DATABASE {database.sql} TO {role.sql};"
        yield Check("target_database_create", "error", finding, sql, exit_code=9)


def _extensions(connection: Connection, coming: Coming) -> Iterator[Check]:
    if not coming.extensions:
        return
    found = connection.execute("SELECT name FROM pg_catalog.pg_available_extensions").fetchall()
    missing = sorted(set(coming.extensions) - {name for (name,) in found})
    if missing:
        names = ", ".join(str(Identifier(name)) for name in missing)
        finding = (
            f"The target has no extension {names}; what uses it will be refused. Install it on the target's nodes."
        )
        yield Check("target_extensions", "warning", finding)


def _empty(connection: Connection, coming: Coming) -> Iterator[Check]:
    rows = connection.execute(_RELATIONS, {"schemas": list(coming.schemas)}).fetchall()
    if not rows:
        yield Check("target_empty", "ok", "target holds none of the tables to come")
        return
    shown = ", ".join(str(TableName(*row)) for row in rows[:_SHOWN])
    more = f" and {len(rows) - _SHOWN:,} more" if len(rows) > _SHOWN else ""
    finding = f"The target is not empty, it holds {len(rows):,} relations: {shown}{more}."
    if coming.allow_non_empty:
        yield Check("target_empty", "warning", finding)
    else:
        yield Check("target_empty", "error", finding + " Name another database, or add --allow-non-empty.")


def _replication_role(capabilities: Capabilities) -> Iterator[Check]:
    if not capabilities.replication_role:
        finding = (
            "The role may not set session_replication_role in the target: triggers and foreign keys that are there "
            "before the data will fire while it loads."
        )
        yield Check("target_replication_role", "warning", finding, _grant_replication_role(capabilities))


def _triggers(connection: Connection, capabilities: Capabilities) -> Iterator[Check]:
    if capabilities.replication_role:
        return
    rows = connection.execute(_TRIGGERS).fetchall()
    if rows:
        shown = ", ".join(str(TableName(*row)) for row in rows[:_SHOWN])
        finding = (
            f"Triggers or foreign keys are on {len(rows):,} tables of the target and will act on every loaded row, "
            f"since the role may not set session_replication_role: {shown}."
        )
        yield Check("target_triggers", "warning", finding, _grant_replication_role(capabilities))


def _grant_replication_role(capabilities: Capabilities) -> str:
    role = Identifier(capabilities.facts["role"])
    if capabilities.release:
        return f"GRANT yb_superuser TO {role.sql};"
    if capabilities.version_number >= 150000:
        return f"GRANT SET ON PARAMETER session_replication_role TO {role.sql};"
    return ""
