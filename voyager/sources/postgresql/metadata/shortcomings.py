"""What an assessment of a PostgreSQL server has to do without, by what the server said of itself and of our role."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from voyager.identifiers import Identifier, TableName
from voyager.ports import Gap
from voyager.wording import counted

QUERIES = "db-queries-summary"
_LOAD = ("table-index-iops-initial", "table-index-iops-final", "table-index-usage-stats")
_NO_QUERIES = "Constructs in queries of applications that YugabyteDB does not take are not found."
_OF_TABLES = (
    "The catalog tells the data types of their columns, which are judged, and their sizes and load. Their definitions "
    "are in no dump: keys, constraints, indexes, triggers, policies, rules, defaults and partitions are neither judged "
    "nor counted among the objects, and what the columns hold is not known."
)
_SHOWN = 10


def gaps(facts: Mapping[str, Any]) -> list[Gap]:
    """In the order of their weight. `facts` is what database.sql answers; what it does not say is no gap."""
    return [*_tables(facts), *_load(facts), *_queries(facts), *_statistics(facts)]


def _tables(facts: Mapping[str, Any]) -> Iterator[Gap]:
    number = int(facts.get("tables_unreadable") or 0)
    if not number:
        return
    role = Identifier(facts["role"])
    names = [str(TableName(schema, table)) for schema, table in facts.get("unreadable", [])][:_SHOWN]
    more = f" and {number - len(names):,} more" if number > len(names) else ""
    schemas = ", ".join(Identifier(name).sql for name in facts.get("unreadable_schemas", []))
    yield Gap(
        what=counted(number, "table"),
        reason=f"Role {role} may not read {', '.join(names)}{more}.",
        sql=f"GRANT USAGE ON SCHEMA {schemas} TO {role.sql}; "
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {role.sql};",
        weakens=_OF_TABLES,
    )


def _load(facts: Mapping[str, Any]) -> Iterator[Gap]:
    if facts.get("track_counts") is False:
        yield Gap(
            what="Reads and writes",
            reason="The server counts neither: track_counts is off.",
            sql="ALTER SYSTEM SET track_counts = on; SELECT pg_reload_conf();",
            weakens="The cluster is sized by the data alone; objects in frequent use are not known.",
            questions=_LOAD,
            hides_issues=False,
        )
    if facts.get("standby") and facts.get("node", "primary") == "primary":
        yield Gap(
            what="Writes",
            reason="The server is a standby, which counts only reads.",
            weakens="The cluster is sized without the writes. Assess the primary, with this server as a read replica.",
            hides_issues=False,
        )


def _queries(facts: Mapping[str, Any]) -> Iterator[Gap]:
    state, role = facts.get("query_statistics", "ready"), Identifier(facts.get("role") or "postgres")
    if state == "ready":
        if facts.get("sees_all_statistics") is False:
            yield Gap(
                what="Queries of other users",
                reason=f"Role {role} sees only the texts of its own queries.",
                sql=f"GRANT pg_read_all_stats TO {role.sql};",
                weakens=_NO_QUERIES,
            )
        return
    schema = Identifier(facts.get("query_statistics_schema") or "public").sql
    reason, sql = {
        "not installed": (
            "The extension pg_stat_statements is not installed in this database.",
            "CREATE EXTENSION pg_stat_statements;",
        ),
        "not loaded": (
            "The extension pg_stat_statements is installed, but the server has not loaded its library.",
            "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'; -- keep what is there; then restart",
        ),
        "not readable": (
            f"Role {role} may not read pg_stat_statements.",
            f"GRANT USAGE ON SCHEMA {schema} TO {role.sql}; GRANT SELECT ON {schema}.pg_stat_statements TO {role.sql};",
        ),
    }.get(state, (f"pg_stat_statements is {state}.", ""))
    yield Gap("Queries", reason, sql, _NO_QUERIES, (QUERIES,))


def _statistics(facts: Mapping[str, Any]) -> Iterator[Gap]:
    weakens = "Hot spots of indexes on few values, NULLs or one frequent value may not be found."
    if number := int(facts.get("tables_filtered") or 0):
        role = Identifier(facts["role"])
        yield Gap(
            what=f"Column statistics of {counted(number, 'table')}",
            reason=f"Row security applies to role {role}, which hides them.",
            sql=f"ALTER ROLE {role.sql} BYPASSRLS;",
            weakens=weakens,
        )
    if number := int(facts.get("tables_unanalyzed") or 0):
        yield Gap(
            what=f"Column statistics of {counted(number, 'table')}",
            reason="ANALYZE has never looked at them.",
            sql="ANALYZE;",
            weakens=weakens,
        )
