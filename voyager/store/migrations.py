"""Migrations: register, find, read, and the transition: one version swap, the phases it moves, one event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Select, func, null, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from voyager.errors import LockedByOther, UsageError
from voyager.postgres.failures import sqlstate
from voyager.store.events import event_row
from voyager.store.lease import Lease, lost
from voyager.store.reading import read_record
from voyager.store.record import MigrationBrief, MigrationRecord, NewMigration
from voyager.store.session import Session
from voyager.store.tables import events, leases, migration_state, migrations
from voyager.store.values import to_text

NOW = func.clock_timestamp()
NOT_STARTED = "NOT_STARTED"
COMPLETED = "COMPLETED"
_RESET: dict[str, Any] = {"percent": 0.0, "completed_at": None, "last_error": None}


class LostSwap(LockedByOther):
    """The migration changed since the record was read; read it again and decide again."""


class _NameTaken(Exception):
    """Leaves the transaction that found it, so that the other one can be read."""


class Migrations:
    """The migrations of one target and where each of their phases stands."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def register(self, new: NewMigration) -> MigrationRecord:
        """Write a new migration. Raises UsageError when an active one has its name; the same uuid again is harmless."""
        event_id = uuid4()
        try:
            self._session.run(lambda connection: _insert(connection, new, event_id), f"register migration {new.name}")
        except _NameTaken:
            raise _name_taken(new.name, self.find(name=new.name)) from None
        return self.read(new.migration_uuid)

    def find(
        self, *, name: str | None = None, uuid: UUID | None = None, active_only: bool = True
    ) -> list[MigrationBrief]:
        """Return the migrations that match, newest first."""
        table = migrations.c
        query: Select[Any] = select(
            table.migration_uuid,
            table.name,
            table.workflow,
            table.source,
            table.target,
            table.export_dir,
            table.created_at,
            table.ended_at,
        ).order_by(table.created_at.desc(), table.migration_uuid)
        if name is not None:
            query = query.where(table.name == to_text(name))
        if uuid is not None:
            query = query.where(table.migration_uuid == uuid)
        if active_only:
            query = query.where(table.ended_at.is_(None))
        rows = self._session.single(lambda connection: connection.execute(query).all(), "look for migrations")
        return [MigrationBrief(*row) for row in rows]

    def read(self, migration_uuid: UUID) -> MigrationRecord:
        """Return the whole record as of one moment; UsageError when there is none."""
        return self._read(migration_uuid, tables=True)

    def read_again(self, record: MigrationRecord) -> MigrationRecord:
        """Return the record as it is now, but with the standing of tables that was read before."""
        return replace(self._read(record.migration_uuid, tables=False), tables=record.tables, totals=record.totals)

    def _read(self, migration_uuid: UUID, *, tables: bool) -> MigrationRecord:
        record = self._session.read(
            lambda connection: read_record(connection, migration_uuid, tables=tables),
            f"read migration {migration_uuid}",
        )
        if record is None:
            raise UsageError(
                f"There is no migration with uuid {migration_uuid} in {self._session.endpoint.url}.",
                "`yb-voyager migrate status` without a uuid shows what is there.",
            )
        return record

    def transition(  # noqa: PLR0913 - one swap writes all that a transition means, and every argument is named
        self,
        record: MigrationRecord,
        changes: Mapping[str, str],
        *,
        phase: str,
        event_kind: str = "transition",
        actor: str,
        detail: Mapping[str, Any] | None = None,
        percent: float | None = None,
        summary: Mapping[str, Any] | None = None,
        last_error: Mapping[str, Any] | None = None,
        next_if_idle: Mapping[str, Any] | None = None,
        next_if_running: Mapping[str, Any] | None = None,
        end_reason: str | None = None,
        lease: Lease | None = None,
    ) -> MigrationRecord:
        """Write the new states of phases and what follows from them, if the record is still the newest.

        A phase that becomes NOT_STARTED is reset; one that becomes COMPLETED gets its time and 100 percent; one that
        begins anew gets its start time. A started or resumed phase counts an attempt and loses its last error.
        `percent`, `summary` and `last_error` belong to `phase`. With `end_reason`, or when END becomes COMPLETED, the
        migration ends, too; with `lease` the caller must still hold it. Raises LostSwap, LeaseLost.
        """
        before = record.phases[phase].state if phase in record.phases else None
        event = event_row(
            migration_uuid=record.migration_uuid,
            phase=phase,
            kind=event_kind,
            actor=actor,
            from_state=before,
            to_state=changes.get(phase, before),
            detail={**(detail or {}), "changed": dict(changes)},
        )
        columns = _phase_columns(record, changes, phase=phase, resumed=event_kind == "resumed")
        own = {"percent": percent, "summary": summary, "last_error": last_error}
        columns.setdefault(phase, {}).update({name: value for name, value in own.items() if value is not None})
        guidance = {"next_if_idle": next_if_idle, "next_if_running": next_if_running}
        values: dict[str, Any] = {name: dict(value) for name, value in guidance.items() if value is not None}
        reason = _end_reason(record, changes, end_reason)
        if reason is not None:
            values |= {"ended_at": func.coalesce(migrations.c.ended_at, NOW), "end_reason": to_text(reason)}

        def work(connection: Connection) -> None:
            if not _swap(connection, record, values, event["event_id"]):
                return
            for name, cells in columns.items():
                _write_phase(connection, record.migration_uuid, name, cells)
            connection.execute(insert(events).values(event))
            if lease is not None:
                _hold(connection, lease)

        self._session.run(work, f"move migration {record.name}")
        return self.read_again(record)

    def fail(
        self,
        migration_uuid: UUID,
        phase: str,
        *,
        error: Mapping[str, Any] | None,
        actor: str,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Note that an attempt at a phase ended without completing it; `error` None means that it was interrupted.

        The phase stays begun, so this is no transition and needs no swap.
        """
        kind = "note" if error is None else "failed"
        event = event_row(
            migration_uuid=migration_uuid, phase=phase, kind=kind, actor=actor, detail=dict(detail or error or {})
        )

        def work(connection: Connection) -> None:
            if error is not None:
                _write_phase(connection, migration_uuid, phase, {"last_error": dict(error)})
            connection.execute(insert(events).values(event).on_conflict_do_nothing())

        self._session.run(work, f"note the failure of {phase}")

    def save_summary(self, migration_uuid: UUID, phase: str, summary: Mapping[str, Any]) -> None:
        """Keep what a phase came to."""
        self._session.single(
            lambda connection: _write_phase(connection, migration_uuid, phase, {"summary": dict(summary)}),
            f"save the summary of {phase}",
        )

    def save_settings(self, migration_uuid: UUID, settings: Mapping[str, Any], *, actor: str | None = None) -> None:
        """Merge `settings` into the migration's, key by key; with `actor` the change becomes an event."""
        event = event_row(migration_uuid=migration_uuid, kind="config", actor=actor or "", detail=dict(settings))
        mine = migrations.c.migration_uuid == migration_uuid

        def work(connection: Connection) -> None:
            saved = connection.execute(select(migrations.c.settings).where(mine).with_for_update()).scalar_one()
            merged = {**saved, **settings}
            connection.execute(update(migrations).where(mine).values(settings=merged, updated_at=NOW))
            if actor is not None:
                connection.execute(insert(events).values(event).on_conflict_do_nothing())

        self._session.run(work, "save settings")

    def move_export_dir(self, migration_uuid: UUID, export_dir: str, *, actor: str) -> None:
        """Note that a migration's files are somewhere else now."""
        event = event_row(
            migration_uuid=migration_uuid, kind="config", actor=actor, detail={"export_dir": to_text(export_dir)}
        )
        mine = migrations.c.migration_uuid == migration_uuid

        def work(connection: Connection) -> None:
            connection.execute(update(migrations).where(mine).values(export_dir=to_text(export_dir), updated_at=NOW))
            connection.execute(insert(events).values(event).on_conflict_do_nothing())

        self._session.run(work, "note where export-dir is")

    def end(self, migration_uuid: UUID, reason: str) -> None:
        """Mark a migration as ended; its name is free again. The first reason stays."""
        statement = (
            update(migrations)
            .where(migrations.c.migration_uuid == migration_uuid, migrations.c.ended_at.is_(None))
            .values(ended_at=NOW, end_reason=to_text(reason), updated_at=NOW, version=migrations.c.version + 1)
        )
        self._session.single(lambda connection: connection.execute(statement), "end the migration")


def _insert(connection: Connection, new: NewMigration, event_id: UUID) -> None:
    row = {
        "migration_uuid": new.migration_uuid,
        "name": to_text(new.name),
        "workflow": new.workflow,
        "source": dict(new.source),
        "target": dict(new.target),
        "export_dir": to_text(new.export_dir),
        "voyager_version": new.voyager_version,
        "settings": dict(new.settings),
        "phase_table": dict(new.phase_table),
        "capabilities": dict(new.capabilities),
        "next_if_idle": _dict(new.next_if_idle),
        "next_if_running": _dict(new.next_if_running),
    }
    try:
        connection.execute(insert(migrations).values(row).on_conflict_do_nothing(index_elements=["migration_uuid"]))
    except IntegrityError as error:
        if error.orig is None or sqlstate(error.orig) != "23505":
            raise
        raise _NameTaken from None
    if new.phases:
        connection.execute(insert(migration_state).values(_first_phases(new)).on_conflict_do_nothing())
    started = dict(new.initialized or {})
    event = event_row(
        migration_uuid=new.migration_uuid,
        phase=started.get("phase"),
        kind="transition",
        actor=new.actor,
        from_state=started.get("from_state"),
        to_state=started.get("to_state"),
        detail={"workflow": new.workflow},
    )
    connection.execute(insert(events).values({**event, "event_id": event_id}).on_conflict_do_nothing())


def _first_phases(new: NewMigration) -> list[dict[str, Any]]:
    return [
        {
            "migration_uuid": new.migration_uuid,
            "phase": phase,
            "state": state,
            "attempt": 0 if state == NOT_STARTED else 1,
            "percent": 100.0 if state == COMPLETED else 0.0,
            "started_at": null() if state == NOT_STARTED else NOW,
            "completed_at": NOW if state == COMPLETED else null(),
        }
        for phase, state in new.phases.items()
    ]


def _name_taken(name: str, others: list[MigrationBrief]) -> UsageError:
    which = f", uuid {others[0].migration_uuid}, export-dir {others[0].export_dir}" if others else ""
    return UsageError(
        f"A migration called {name} is active in this target already{which}.",
        f"Go on with: yb-voyager migrate next --migration-name {name}, or choose another --migration-name.",
    )


def _phase_columns(
    record: MigrationRecord, changes: Mapping[str, str], *, phase: str, resumed: bool
) -> dict[str, dict[str, Any]]:
    """What the new states mean for the other columns of each phase."""
    columns = {}
    for name, state in changes.items():
        old = record.phases[name].state if name in record.phases else NOT_STARTED
        columns[name] = {"state": state, **_consequences(old, state)}
    if resumed:
        columns.setdefault(phase, {}).update(attempt=migration_state.c.attempt + 1, last_error=None)
    return columns


def _consequences(old: str, new: str) -> dict[str, Any]:
    if new == NOT_STARTED:
        return {**_RESET, "attempt": 0, "started_at": None, "summary": {}}
    if new == COMPLETED:
        started = func.coalesce(migration_state.c.started_at, NOW)
        return {**_RESET, "percent": 100.0, "started_at": started, "completed_at": NOW}
    if old in (NOT_STARTED, COMPLETED):
        attempt = migration_state.c.attempt + 1
        return {**_RESET, "attempt": attempt, "started_at": NOW}
    return {}


def _end_reason(record: MigrationRecord, changes: Mapping[str, str], given: str | None) -> str | None:
    """Why the migration ends with this transition: as given, or as END's summary says."""
    if given is not None or changes.get("END") != COMPLETED:
        return given
    summary = record.phases["END"].summary if "END" in record.phases else {}
    return str(summary.get("end_reason", "completed"))


def _swap(connection: Connection, record: MigrationRecord, values: Mapping[str, Any], event_id: UUID) -> bool:
    """Advance the version. False when this very transition is in already: an earlier try was committed unseen."""
    statement = (
        update(migrations)
        .where(migrations.c.migration_uuid == record.migration_uuid, migrations.c.version == record.version)
        .values(version=record.version + 1, updated_at=NOW, **values)
    )
    if connection.execute(statement).rowcount == 1:
        return True
    if connection.execute(select(events.c.event_id).where(events.c.event_id == event_id)).first():
        return False
    raise LostSwap(
        f"Migration {record.name} was changed by somebody else since it was read.",
        "Look with: yb-voyager migrate status, then run the command again.",
    )


def _write_phase(connection: Connection, migration_uuid: UUID, phase: str, cells: Mapping[str, Any]) -> None:
    """Update one phase; the row is made when a later version of the workflow added the phase."""
    if not cells:
        return
    key = {"migration_uuid": migration_uuid, "phase": phase}
    table = migration_state.c
    statement = (
        update(migration_state)
        .where(table.migration_uuid == migration_uuid, table.phase == phase)
        .values(**cells, updated_at=NOW)
    )
    if connection.execute(statement).rowcount or "state" not in cells:
        return
    fresh = {**key, **cells, "attempt": 1 if cells["state"] != NOT_STARTED else 0}
    if cells["state"] == COMPLETED:
        fresh["started_at"] = NOW
    connection.execute(insert(migration_state).values(fresh))


def _hold(connection: Connection, lease: Lease) -> None:
    """The last statement: see ledger.hold_lease."""
    held = select(leases.c.token).where(
        leases.c.migration_uuid == lease.migration_uuid,
        leases.c.phase == lease.phase,
        leases.c.token == lease.token,
    )
    if connection.execute(held.with_for_update(read=True, key_share=True)).first() is None:
        raise lost(lease)


def _dict(value: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if value is None else dict(value)
