"""What tests of the store begin with: a target with the ybvoyager schema, and migrations to put into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.store.record import MigrationRecord, NewMigration
from voyager.store.state import StateStore
from voyager.store.tables import metadata

PHASES = ("INITIALIZE", "EXPORT_DATA", "IMPORT_DATA", "VERIFY", "CUTOVER", "END")
BEGUN = {"CUTOVER": "INITIATED"}
ACTOR = "tester@here 1"


def installed(endpoint: Endpoint, *, outage_budget: float = 0.0) -> StateStore:
    store = StateStore.connect(endpoint, outage_budget)
    store.ddl.install()
    return store


def emptied(endpoint: Endpoint) -> StateStore:
    """The store of a database that earlier tests used, without what they left."""
    store = installed(endpoint)
    tables = ", ".join(f"ybvoyager.{table.name}" for table in metadata.sorted_tables if table.name != "schema_version")
    drive.execute(endpoint, f"TRUNCATE {tables}")
    return store


@contextmanager
def database(server: Server) -> Iterator[Endpoint]:
    """A database for all tests of a module: making one takes longer than most of them."""
    name = f"states_{uuid4().hex[:8]}"
    drive.execute(server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0")
    yield replace(server.endpoint(), database=name)
    drive.execute(server.endpoint(), f"DROP DATABASE {name} WITH (FORCE)")


def new_migration(name: str = "shop", **changes: Any) -> NewMigration:
    described = {"engine": "postgresql", "host": "h", "port": 5432, "database": "d", "schemas": ["public"]}
    values: dict[str, Any] = {
        "migration_uuid": uuid4(),
        "name": name,
        "workflow": "offline",
        "source": described,
        "target": described,
        "export_dir": f"/data/{name}",
        "voyager_version": "0.1",
        "phase_table": {
            "name": "offline",
            "phases": [
                {"name": phase, "title": phase.replace("_", " ").title(), "begun": BEGUN.get(phase, "IN_PROGRESS")}
                for phase in PHASES
            ],
        },
        "phases": {phase: "COMPLETED" if phase == "INITIALIZE" else "NOT_STARTED" for phase in PHASES},
        "actor": ACTOR,
        "next_if_idle": {"kind": "run", "phase": "EXPORT_DATA"},
        "next_if_running": {"kind": "wait", "phase": "EXPORT_DATA"},
        "initialized": {"phase": "INITIALIZE", "from_state": "NOT_STARTED", "to_state": "COMPLETED"},
    }
    return NewMigration(**{**values, **changes})


def registered(store: StateStore, name: str = "shop", **changes: Any) -> MigrationRecord:
    return store.migrations.register(new_migration(name, **changes))


def expire_leases(endpoint: Endpoint, phase: str = "") -> None:
    """As if all of them (of one phase) had been held for long enough without being renewed."""
    which = f" WHERE phase = '{phase}'" if phase else ""
    expired = "UPDATE ybvoyager.leases SET expires_at = clock_timestamp() - interval '1 second'"
    drive.execute(endpoint, expired + which)


def execute_on(connection: psycopg.Connection[Any]) -> Callable[..., Awaitable[Any]]:
    """ports.Execute on a psycopg connection of the test's own."""

    async def execute(sql: str, *args: Any) -> Any:
        cursor = psycopg.RawCursor(connection)
        cursor.execute(sql, args)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None

    return execute
