"""Verification: runs and the ranges they compared, so that a run goes on where it stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from voyager.store.events import event_row
from voyager.store.record import VerificationChunk, VerificationRun
from voyager.store.session import Session
from voyager.store.tables import events, migration_state, verification_chunks
from voyager.store.values import to_text

NOW = func.clock_timestamp()
_MARK = "verification_run"


class Verification:
    """The runs of verify. A run is announced by an event, whose id is the run's; its chunks are rows."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def start(
        self, migration_uuid: UUID, *, point: Mapping[str, Any], actor: str, phase: str = "VERIFY"
    ) -> VerificationRun:
        """Begin a run. `point` is what the caller declared before its first read, and what a resumed run is held to."""
        event = event_row(
            migration_uuid=migration_uuid,
            kind="note",
            actor=actor,
            phase=phase,
            detail={"message": "a comparison began", _MARK: dict(point)},
        )
        statement = insert(events).values(event).on_conflict_do_nothing()
        self._session.single(lambda connection: connection.execute(statement), "begin a verification")
        found = self.resume(migration_uuid, phase=phase, run_id=event["event_id"])
        assert found is not None
        return found

    def resume(
        self, migration_uuid: UUID, *, phase: str = "VERIFY", run_id: UUID | None = None
    ) -> VerificationRun | None:
        """Return the newest run begun since the phase was started (a repeated phase begins a new one), or the run
        called `run_id`; None when there is none."""
        state = migration_state.c
        begun = (
            select(state.started_at)
            .where(state.migration_uuid == migration_uuid, state.phase == phase)
            .scalar_subquery()
        )
        query = (
            select(events.c.event_id, events.c.at, events.c.detail)
            .where(events.c.migration_uuid == migration_uuid, events.c.phase == phase, events.c.kind == "note")
            .where(events.c.event_id == run_id if run_id is not None else events.c.at >= begun)
            .order_by(events.c.at.desc())
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "look for a verification")
        return next((VerificationRun(row[0], row[1], row[2][_MARK]) for row in rows if _MARK in row[2]), None)

    def put(self, migration_uuid: UUID, run_id: UUID, chunks: Iterable[VerificationChunk]) -> None:
        """Write what comparing chunks gave; a later result of the same chunk replaces it."""
        rows = [_row(migration_uuid, run_id, chunk) for chunk in chunks]
        if rows:
            self._session.run(lambda connection: connection.execute(_UPSERT, rows), "keep what was compared")

    def load(self, run_id: UUID) -> list[VerificationChunk]:
        """Return every chunk of a run, by table and number."""
        table = verification_chunks.c
        query = (
            select(
                table.schema_name,
                table.table_name,
                table.chunk,
                table.state,
                table.lo,
                table.hi,
                table.source_rows,
                table.target_rows,
                table.source_sum,
                table.target_sum,
                table.fence,
            )
            .where(table.run_id == run_id)
            .order_by(table.schema_name, table.table_name, table.chunk)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read what was compared")
        return [VerificationChunk(*row) for row in rows]


def _row(migration_uuid: UUID, run_id: UUID, chunk: VerificationChunk) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "schema_name": to_text(chunk.schema),
        "table_name": to_text(chunk.table),
        "chunk": chunk.chunk,
        "migration_uuid": migration_uuid,
        "lo": chunk.lo,
        "hi": chunk.hi,
        "source_rows": chunk.source_rows,
        "target_rows": chunk.target_rows,
        "source_sum": chunk.source_sum,
        "target_sum": chunk.target_sum,
        "state": chunk.state,
        "fence": chunk.fence,
    }


def _upsert() -> Any:
    statement = insert(verification_chunks)
    measured = ("lo", "hi", "source_rows", "target_rows", "source_sum", "target_sum", "state", "fence")
    return statement.on_conflict_do_update(
        index_elements=["run_id", "schema_name", "table_name", "chunk"],
        set_={**{name: statement.excluded[name] for name in measured}, "compared_at": NOW},
    )


_UPSERT = _upsert()
