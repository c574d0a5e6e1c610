"""Events: what happened to a migration, append-only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from voyager.store.record import EventRecord
from voyager.store.session import Session
from voyager.store.tables import events
from voyager.store.values import to_text


class Events:
    """The event log of every migration in one target."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(
        self,
        migration_uuid: UUID,
        *,
        kind: str,
        actor: str,
        phase: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> UUID:
        """Append an event and return its id. `kind` is started, failed, resumed, warning, config or note."""
        event = event_row(migration_uuid=migration_uuid, kind=kind, actor=actor, phase=phase, detail=detail)
        statement = insert(events).values(event).on_conflict_do_nothing()
        self._session.single(lambda connection: connection.execute(statement), "write an event")
        event_id: UUID = event["event_id"]
        return event_id

    def history(self, migration_uuid: UUID, limit: int = 100) -> list[EventRecord]:
        """Return the last `limit` events, newest first."""
        query = (
            select(
                events.c.event_id,
                events.c.migration_uuid,
                events.c.at,
                events.c.phase,
                events.c.kind,
                events.c.from_state,
                events.c.to_state,
                events.c.actor,
                events.c.detail,
            )
            .where(events.c.migration_uuid == migration_uuid)
            .order_by(events.c.at.desc(), events.c.event_id)
            .limit(limit)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the history")
        return [EventRecord(*row) for row in rows]


def event_row(
    *,
    migration_uuid: UUID,
    kind: str,
    actor: str,
    phase: str | None = None,
    from_state: str | None = None,
    to_state: str | None = None,
    detail: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The cells of a new event; its id is made here so that a repeated write stays one event."""
    return {
        "event_id": uuid4(),
        "migration_uuid": migration_uuid,
        "phase": phase,
        "kind": kind,
        "from_state": from_state,
        "to_state": to_state,
        "actor": to_text(actor),
        "detail": dict(detail or {}),
    }
