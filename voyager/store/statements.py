"""Statements: the journal of DDL, so that a schema import goes on at the statement where it stopped."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from voyager.store.record import StatementRecord
from voyager.store.session import Session
from voyager.store.tables import schema_statements
from voyager.store.values import to_text

NOW = func.clock_timestamp()
MESSAGE_LENGTH = 2000


@dataclass(frozen=True)
class StatementEntry:
    """One statement as the files hold it. `occurrence` tells equal texts of one schema apart, counted from 0."""

    ordinal: int
    sha256: str
    file: str
    line: int
    object: str
    occurrence: int = 0

    def statement_id(self, migration_uuid: UUID, phase: str) -> UUID:
        """The same for the same text, wherever it stands in the files: an edited statement is another one."""
        return uuid5(migration_uuid, f"{phase}/{self.sha256}/{self.occurrence}")


DONE_TOGETHER = """\
INSERT INTO ybvoyager.schema_statements
    (statement_id, migration_uuid, phase, ordinal, sha256, file, line, object, state, finished_at)
SELECT d.statement_id, d.migration_uuid, d.phase, d.ordinal, d.sha256, d.file, d.line, d.object, d.state,
       pg_catalog.clock_timestamp()
FROM pg_catalog.jsonb_to_recordset(%s::jsonb) AS d
    (statement_id uuid, migration_uuid uuid, phase text, ordinal int, sha256 text, file text, line int, object text,
     state text)
ON CONFLICT (statement_id) DO UPDATE
SET ordinal = excluded.ordinal, file = excluded.file, line = excluded.line, object = excluded.object,
    state = excluded.state, error = NULL, started_at = excluded.started_at, finished_at = excluded.finished_at"""
"""Runs in the transaction of the statements themselves: none of them is ever started and not known to be done."""


class Statements:
    """The schema_statements rows of every migration in one target."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._begun: dict[UUID, datetime] = {}

    def load(self, migration_uuid: UUID, phase: str) -> dict[UUID, StatementRecord]:
        """Return the journal of a phase by statement id, in the order of the statements."""
        table = schema_statements.c
        query = (
            select(
                table.statement_id,
                table.ordinal,
                table.sha256,
                table.file,
                table.line,
                table.object,
                table.state,
                table.error,
            )
            .where(table.migration_uuid == migration_uuid, table.phase == phase)
            .order_by(table.ordinal, table.statement_id)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), "read the journal of DDL")
        return {row.statement_id: StatementRecord(*row) for row in rows}

    def begin(self, migration_uuid: UUID, phase: str, entry: StatementEntry) -> UUID:
        """Write that a statement is started, before it is executed; returns its id for finish()."""
        row = self._row(migration_uuid, phase, entry, "started")
        statement = insert(schema_statements).values(row)
        statement = statement.on_conflict_do_update(
            index_elements=["statement_id"],
            set_={
                **{name: statement.excluded[name] for name in ("ordinal", "file", "line", "object", "state")},
                "error": None,
                "started_at": NOW,
                "finished_at": None,
            },
        )
        noted = statement.returning(schema_statements.c.started_at)
        doing = f"note the start of {entry.object}"
        statement_id: UUID = row["statement_id"]
        self._begun[statement_id] = self._session.single(
            lambda connection: connection.execute(noted).scalar_one(), doing
        )
        return statement_id

    def finish(self, statement_id: UUID, state: str, error: str | None = None) -> None:
        """Write how a started statement ended: done, failed or skipped, with the server's message where it failed.

        A statement that somebody else has started since (the lease was taken over meanwhile) is theirs to finish.
        """
        table = schema_statements.c
        statement = (
            update(schema_statements)
            .where(table.statement_id == statement_id, table.started_at == self._begun.pop(statement_id))
            .values(state=state, error=_shortened(error), finished_at=NOW)
        )
        self._session.single(lambda connection: connection.execute(statement), "note the end of a statement")

    def done_together(
        self, migration_uuid: UUID, phase: str, entries: Iterable[StatementEntry]
    ) -> tuple[str, list[str]]:
        """SQL, with its value, that writes all of these as done; for the transaction that executes them."""
        rows = [self._row(migration_uuid, phase, entry, "done") for entry in entries]
        return DONE_TOGETHER, [json.dumps(rows, default=str)]

    def forget(self, migration_uuid: UUID, phase: str, texts: Collection[str] | None = None) -> None:
        """Forget a phase's journal, or only the statements whose texts have these checksums."""
        table = schema_statements.c
        statement = delete(schema_statements).where(table.migration_uuid == migration_uuid, table.phase == phase)
        if texts is not None:
            statement = statement.where(table.sha256.in_(texts))
        self._session.single(lambda connection: connection.execute(statement), "forget the journal of DDL")

    @staticmethod
    def _row(migration_uuid: UUID, phase: str, entry: StatementEntry, state: str) -> dict[str, Any]:
        return {
            "statement_id": entry.statement_id(migration_uuid, phase),
            "migration_uuid": migration_uuid,
            "phase": phase,
            "ordinal": entry.ordinal,
            "sha256": entry.sha256,
            "file": to_text(entry.file),
            "line": entry.line,
            "object": to_text(entry.object),
            "state": state,
        }


def _shortened(error: str | None) -> str | None:
    return None if error is None else to_text(error)[:MESSAGE_LENGTH]
