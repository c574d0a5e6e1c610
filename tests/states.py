"""What tests of the store begin with: a target with the ybvoyager schema, and migrations to put into it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import psycopg

from voyager.endpoint import Endpoint
from voyager.store.record import MigrationRecord, NewMigration
from voyager.store.state import StateStore

PHASES = ("INITIALIZE", "EXPORT_DATA", "IMPORT_DATA", "VERIFY", "CUTOVER", "END")
BEGUN = {"CUTOVER": "INITIATED"}
ACTOR = "tester@here 1"


def installed(endpoint: Endpoint, *, outage_budget: float = 0.0) -> StateStore:
    store = StateStore.connect(endpoint, outage_budget)
    store.ddl.install()
    return store


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


def execute_on(connection: psycopg.Connection[Any]) -> Callable[..., Awaitable[Any]]:
    """ports.Execute on a psycopg connection of the test's own."""

    async def execute(sql: str, *args: Any) -> Any:
        cursor = psycopg.RawCursor(connection)
        cursor.execute(sql, args)  # type: ignore[arg-type]
        return cursor.fetchone() if cursor.description else None

    return execute
