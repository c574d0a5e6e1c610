"""The guardrails of a PostgreSQL source: what must be so before a phase reads it, each with the SQL that repairs it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import psycopg

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.identifiers import Identifier, TableName
from voyager.ports import Capabilities, Check, Gap
from voyager.sources.postgresql.catalog import fetch, read_schemas
from voyager.sources.postgresql.dump import find_pg_dump

ASSESS = "ASSESS"
OLDEST = 100000
_SHOWN = 10
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def preflight(
    connection: psycopg.Connection, endpoint: Endpoint, capabilities: Capabilities, phase: str
) -> list[Check]:
    """The checks of `phase`. INITIALIZE looks at everything, but only warns of what a later phase needs; ASSESS does
    without what the role may not read, and says so by itself."""
    checks = [_version(capabilities), _encoding(capabilities), *_tls(connection, endpoint)]
    try:
        schemas = read_schemas(connection, endpoint.schemas)
    except UsageError as error:
        return [*checks, Check("source_schemas", "error", f"{error.message} {error.hint}.", exit_code=2)]
    if phase == ASSESS:
        return [*checks, *_pg_dump(connection)]
    later = [*_pg_dump(connection)] if phase in ("INITIALIZE", "EXPORT_SCHEMA") else []
    later += _privileges(connection, capabilities, list(schemas), phase)
    if phase != "EXPORT_SCHEMA":
        later += [*_standby(connection, capabilities, list(schemas)), *_under_way(connection)]
    if phase in ("INITIALIZE", "VERIFY"):
        later += _sessions(connection, capabilities)
    if phase == "INITIALIZE":
        later = [replace(check, severity="warning") if check.severity == "error" else check for check in later]
    return [*checks, *later]


def gap_checks(gaps: Iterable[Gap]) -> Iterator[Check]:
    """What an assessment has to do without, as warnings."""
    for place, gap in enumerate(gaps, 1):
        yield Check(f"source_gap_{place}", "warning", f"{gap.what}: {gap.reason} {gap.weakens}".rstrip(), gap.sql)


def _version(capabilities: Capabilities) -> Check:
    if capabilities.version_number < OLDEST:
        finding = f"The source is PostgreSQL {capabilities.version}; 10 is the oldest that can be read."
        return Check("source_version", "error", finding)
    return Check("source_version", "ok", f"source is PostgreSQL {capabilities.version}")


def _encoding(capabilities: Capabilities) -> Check:
    encoding = capabilities.facts["encoding"]
    if encoding == "SQL_ASCII":
        finding = (
            "The source's encoding is SQL_ASCII: it never checked its text, so none of it can be converted to UTF8 for "
            "certain. Rows whose bytes are valid UTF-8 load; the first that is not stops its table."
        )
        return Check("source_encoding", "warning", finding)
    return Check("source_encoding", "ok", f"source encoding {encoding}")


def _tls(connection: psycopg.Connection, endpoint: Endpoint) -> Iterator[Check]:
    encrypted = bool(connection.pgconn.ssl_in_use)
    local = endpoint.host in _LOCAL or endpoint.host.startswith("/")
    if not encrypted and not local:
        finding = "The connection to the source is not encrypted; --source-ssl-mode verify-full is what we advise."
        yield Check("source_tls", "warning", finding)


def _pg_dump(connection: psycopg.Connection) -> Iterator[Check]:
    try:
        program = find_pg_dump(connection.info.server_version, tls=bool(connection.pgconn.ssl_in_use))
    except UsageError as error:
        yield Check("pg_dump", "error", " ".join((error.message, error.hint, *error.details)))
        return
    if not program.patched:
        finding = (
            f"{program.shown} lets a line break in an object's name become a psql command (CVE-2025-8714). "
            "Nothing here runs psql, but do not feed its files to psql; better install the newest minor release."
        )
        yield Check("pg_dump", "warning", finding)
    else:
        yield Check("pg_dump", "ok", program.shown)


def _privileges(
    connection: psycopg.Connection, capabilities: Capabilities, schema_oids: list[int], phase: str
) -> Iterator[Check]:
    """One check a schema and kind of fault, each with one GRANT for everything it names."""
    rows = fetch(connection, "privileges", {"schema_oids": schema_oids})
    role = Identifier(capabilities.facts["role"])
    for schema in sorted({row.nspname for row in rows if not row.usage}):
        name = Identifier(schema)
        yield Check(
            "source_schema_usage",
            "error",
            f"Role {role} may not use schema {name} of the source.",
            f"GRANT USAGE ON SCHEMA {name.sql} TO {role.sql};",
            exit_code=9,
        )
    yield from _unreadable(rows, role, phase)
    yield from _filtered([row for row in rows if row.filtered], role, phase)
    if not rows:
        yield Check("source_privileges", "ok", f"role {role} may read every table and sequence")


def _unreadable(rows: list[Any], role: Identifier, phase: str) -> Iterator[Check]:
    groups: dict[tuple[str, str], list[TableName]] = defaultdict(list)
    for row in rows:
        # The schema's dump reads no sequence; it only locks tables.
        if not row.readable and not (row.kind == "sequence" and phase == "EXPORT_SCHEMA"):
            groups[row.nspname, row.kind].append(TableName(row.nspname, row.relname))
    for (schema, kind), names in groups.items():
        yield Check(
            f"source_{kind}_select",
            "error",
            f"Role {role} may not read {_listed(names, kind)} of schema {Identifier(schema)} in the source.",
            f"GRANT SELECT ON {kind.upper()} {', '.join(name.sql for name in names)} TO {role.sql};",
            exit_code=9,
        )


def _filtered(rows: list[Any], role: Identifier, phase: str) -> Iterator[Check]:
    names = [TableName(row.nspname, row.relname) for row in rows]
    if names and phase != "EXPORT_SCHEMA":
        yield Check(
            "source_row_security",
            "error",
            f"Row security keeps rows of {_listed(names, 'table')} from role {role}; an export would miss them.",
            f"ALTER ROLE {role.sql} BYPASSRLS;",
            exit_code=9,
        )


def _standby(connection: psycopg.Connection, capabilities: Capabilities, schema_oids: list[int]) -> Iterator[Check]:
    if not capabilities.read_only_standby:
        return
    rows = connection.execute(
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.oid = ANY (%s::oid[]) AND c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1, 2",
        [schema_oids],
    )
    names = [TableName(schema, name) for schema, name in rows]
    if names:
        finding = f"The source is a standby, where unlogged tables cannot be read: {_listed(names, 'table')}."
        yield Check("source_standby_unlogged", "error", finding + " Read the primary, or leave them out.")
    finding = "The source is a standby: replication conflicts can cancel long reads, and writes cannot be told from it."
    yield Check("source_standby", "warning", finding)


def _under_way(connection: psycopg.Connection) -> Iterator[Check]:
    rows = connection.execute(
        "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY gid"
    ).fetchall()
    if rows:
        names = ", ".join(str(Identifier(row[0])) for row in rows[:_SHOWN])
        finding = f"{len(rows)} prepared transactions are open in the source; their rows are not exported: {names}."
        yield Check("source_prepared_transactions", "warning", finding)


def _sessions(connection: psycopg.Connection, capabilities: Capabilities) -> Iterator[Check]:
    """A role that sees nothing of other sessions does not know which of them may have written before a cutover."""
    row = connection.execute("SELECT pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE')").fetchone()
    if capabilities.write_counters and not (row and row[0]):
        role = Identifier(capabilities.facts["role"])
        finding = (
            f"Role {role} sees nothing of other roles' sessions: as long as there are any, the cutover cannot tell "
            "whether the source was written after it was verified."
        )
        yield Check("source_sessions", "warning", finding, f"GRANT pg_read_all_stats TO {role.sql};")


def _listed(names: list[TableName], kind: str) -> str:
    shown = ", ".join(str(name) for name in names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{kind} {shown}" if len(names) == 1 else f"{len(names):,} {kind}s ({shown}{more})"
