"""A source and a target of Debian's PostgreSQL 15, the same settings for both, and the judge of what was copied."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint

DATABASE = "bench"
SETTINGS = {
    # A benchmark of a database is worth nothing without durable commits.
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "1GB",
    "max_wal_size": "8GB",
    "track_counts": "on",
}
_TABLES_PER_QUERY = 200


@dataclass
class Pair:
    """Two servers (pg_dump of the same version refuses a newer one) and the client tools beside them."""

    source: Server
    target: Server
    binaries: Path
    directory: Path

    def tool(self, name: str) -> Path:
        return self.binaries / name

    def uri(self, server: Server) -> str:
        end = server.endpoint(DATABASE)
        return f"postgres://{end.user}:{end.password or ''}@{end.host}:{end.port}/{DATABASE}"


@contextmanager
def start_pair(directory: Path) -> Iterator[Pair | None]:
    """Two servers below `directory`; None where PostgreSQL 15 is not installed."""
    binaries = system_binaries().get(15)
    if binaries is None:
        yield None
        return
    settings = {**SETTINGS, "max_locks_per_transaction": "1024"}
    with (
        start_server(directory / "source", binaries=binaries, settings=settings) as source,
        start_server(directory / "target", binaries=binaries, settings=settings) as target,
    ):
        yield Pair(source, target, binaries, directory)


def environment(server: Server) -> dict[str, str]:
    """What libpq's tools need to reach the benchmark's database on this server."""
    end = server.endpoint(DATABASE)
    return {
        **os.environ,
        "PGHOST": end.host,
        "PGPORT": str(end.port),
        "PGUSER": end.user,
        "PGPASSWORD": end.password or "",
        "PGDATABASE": DATABASE,
    }


def administer(server: Server, *statements: str, database: str = "postgres") -> None:
    with connect(server.endpoint(database)) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def fresh_database(server: Server) -> None:
    """A new, empty database, and nothing of the last one left to be written."""
    administer(
        server,
        f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)",
        f"CREATE DATABASE {DATABASE} TEMPLATE template0",
        "CHECKPOINT",
    )


def connect(endpoint: Endpoint) -> psycopg.Connection[Any]:
    return psycopg.connect(**endpoint.libpq(application_name="bench judge"), autocommit=True)  # type: ignore[arg-type]


def fingerprint(server: Server) -> list[tuple[Any, ...]]:
    """Every table's rows and an order-free hash of them, every index and constraint, and whether each sequence is
    beyond what it has given out: by SQL that is not the product's."""
    with connect(server.endpoint(DATABASE)) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'ybvoyager', 'pgcopydb') ORDER BY 1"
        ).fetchall()
        found: list[tuple[Any, ...]] = []
        for first in range(0, len(tables), _TABLES_PER_QUERY):
            some = [name for (name,) in tables[first : first + _TABLES_PER_QUERY]]
            query = " UNION ALL ".join(
                f"SELECT '{name}', count(*), sum(('x' || left(md5(t::text), 15))::bit(60)::bigint) FROM {name} t"
                for name in some
            )
            found += sorted(connection.execute(query.encode()).fetchall())
        shape = """
            SELECT tablename::text, indexname::text, indexdef FROM pg_indexes WHERE schemaname = 'public'
            UNION ALL SELECT conrelid::regclass::text, conname::text, pg_get_constraintdef(oid) FROM pg_constraint
                WHERE connamespace = 'public'::regnamespace
            UNION ALL SELECT sequencename::text, 'sequence', CASE WHEN last_value IS NULL THEN 'unused' ELSE 'used' END
                FROM pg_sequences WHERE schemaname = 'public'
            ORDER BY 1, 2, 3"""
        return found + connection.execute(shape).fetchall()
