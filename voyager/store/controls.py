"""Controls: pause, resume and options of a migration changed while it runs, read by its processes once a second."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select, text, update

from voyager.store.events import event_row
from voyager.store.lease import Lease
from voyager.store.session import Session
from voyager.store.steering import EVERYTHING, Changed, Steering, pauses, steering_of
from voyager.store.tables import events, migrations
from voyager.store.values import to_json, to_text

NOW = func.clock_timestamp()
# Only the holder of the lease tells, and nothing once the phase is completed: its summary is what it came to then.
_TELL = text("""
UPDATE ybvoyager.migration_state AS s SET summary = s.summary || CAST(:told AS jsonb)
WHERE s.migration_uuid = :migration_uuid AND s.phase = :phase AND s.completed_at IS NULL AND EXISTS (
    SELECT 1 FROM ybvoyager.leases AS l
    WHERE l.migration_uuid = s.migration_uuid AND l.phase = s.phase AND l.token = :token)""")

Settings = dict[str, Any]


class Controls:
    """The part of a migration's settings that is changed while work goes on. Every change locks the migration's row,
    so that two operators, or an operator and a starting phase, never undo one another's."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def read(self, migration_uuid: UUID, phase: str) -> Steering:
        """What a running phase has to follow now."""
        query = select(migrations.c.settings).where(migrations.c.migration_uuid == migration_uuid)
        settings = self._session.single(lambda connection: connection.execute(query).scalar(), "read the settings")
        return steering_of(settings or {}, phase)

    def pause(self, migration_uuid: UUID, phase: str | None, *, actor: str) -> Changed:
        """Hold the migration, or one phase of it; one that is paused already stays as it is."""
        scope = phase or EVERYTHING
        event = _event(migration_uuid, phase, actor, message="paused")
        mark = str(event["event_id"])

        def change(settings: Settings, connection: Connection) -> Settings | None:
            if scope in settings.get("paused", {}):
                return None
            since = connection.execute(select(NOW)).scalar_one().astimezone(UTC).isoformat()
            entry = {"since": since, "by": to_text(actor), "mark": mark}
            return {**settings, "paused": {**settings.get("paused", {}), scope: entry}}

        settings, _ = self._change(migration_uuid, change, event, f"pause {phase or 'the migration'}")
        made = tuple(pause for pause in pauses(settings) if pause.phase == phase)
        # A first try may have been committed without our hearing of it: the mark says whose pause it is.
        return Changed(made, already=settings["paused"][scope].get("mark") != mark)

    def resume(self, migration_uuid: UUID, phase: str | None, *, actor: str) -> Changed:
        """End the pause of one phase, or without a phase all of them."""
        event = _event(migration_uuid, phase, actor, message="resumed")
        ended: list[Any] = []

        def change(settings: Settings, _connection: Connection) -> Settings | None:
            there = settings.get("paused", {})
            going = {phase} & there.keys() if phase else set(there)
            if not going:
                return None
            ended[:] = [pause for pause in pauses(settings) if (pause.phase or EVERYTHING) in going]
            return {**settings, "paused": {scope: entry for scope, entry in there.items() if scope not in going}}

        self._change(migration_uuid, change, event, f"resume {phase or 'the migration'}")
        return Changed(tuple(ended), already=not ended)

    def set_options(
        self, migration_uuid: UUID, phases: Collection[str], changes: Mapping[str, Any], *, actor: str
    ) -> Changed:
        """Change options of phases; None takes an option back to its default."""
        said = ", ".join(f"{name.replace('_', '-')} {'default' if v is None else v}" for name, v in changes.items())
        one = next(iter(phases)) if len(phases) == 1 else None
        event = _event(migration_uuid, one, actor, message=f"set {said}", phases=sorted(phases), options=dict(changes))

        def change(settings: Settings, _connection: Connection) -> Settings | None:
            options = dict(settings.get("options") or {})
            for name in phases:
                merged = {**options.get(name, {}), **changes}
                options[name] = {key: value for key, value in merged.items() if value is not None}
            return None if options == settings.get("options") else {**settings, "options": options}

        _, changed = self._change(migration_uuid, change, event, "change options")
        return Changed(already=not changed)

    def keep_options(self, migration_uuid: UUID, phase: str, options: Mapping[str, Any], *, actor: str) -> None:
        """Keep what a phase was told, beside what other phases were."""
        event = event_row(
            migration_uuid=migration_uuid, kind="config", actor=actor, detail={"options": {phase: dict(options)}}
        )

        def change(settings: Settings, _connection: Connection) -> Settings | None:
            by_phase = settings.get("options") or {}
            if by_phase.get(phase, {}) == to_json(options):
                return None
            return {**settings, "options": {**by_phase, phase: dict(options)}}

        self._change(migration_uuid, change, event, f"save the options of {phase}")

    def tell(self, lease: Lease, told: Mapping[str, Any]) -> None:
        """Keep what a running phase says of itself in its summary, until the phase is completed."""
        import json

        given = {
            "told": json.dumps(to_json(told)),
            "migration_uuid": lease.migration_uuid,
            "phase": lease.phase,
            "token": lease.token,
        }
        self._session.single(lambda connection: connection.execute(_TELL, given), f"tell the pace of {lease.phase}")

    def _change(
        self,
        migration_uuid: UUID,
        change: Callable[[Settings, Connection], Settings | None],
        event: dict[str, Any],
        doing: str,
    ) -> tuple[Settings, bool]:
        """Change the settings under the lock of their row, with an event; return them, and whether they changed."""
        mine = migrations.c.migration_uuid == migration_uuid
        query = select(migrations.c.settings).where(mine).with_for_update()

        def work(connection: Connection) -> tuple[Settings, bool]:
            saved: Settings = connection.execute(query).scalar_one()
            changed = change(saved, connection)
            if changed is None:
                return saved, False
            connection.execute(update(migrations).where(mine).values(settings=changed, updated_at=NOW))
            connection.execute(insert(events).values(event))
            return changed, True

        return self._session.run(work, doing)


def _event(migration_uuid: UUID, phase: str | None, actor: str, **detail: Any) -> dict[str, Any]:
    return event_row(migration_uuid=migration_uuid, phase=phase, kind="config", actor=actor, detail=detail)
