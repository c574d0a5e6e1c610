"""Reports: assessments, analyses and verifications as JSON that a dashboard can read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from voyager import __version__
from voyager.store.record import ReportRecord
from voyager.store.session import Session
from voyager.store.tables import reports
from voyager.store.values import to_json


class Reports:
    """The reports of every migration in one target, and assessments that came before any."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, migration_uuid: UUID | None, kind: str, body: Mapping[str, Any]) -> UUID:
        """Keep a report and return its id. `kind` is assessment, schema_analysis, schema_optimization, verification,
        data_migration or performance."""
        # What is stored is what was hashed: the same cleaning, once.
        kept = to_json(body)
        row = {
            "report_id": uuid4(),
            "migration_uuid": migration_uuid,
            "kind": kind,
            "voyager_version": __version__,
            "body": kept,
            "sha256": report_sha256(kept),
        }
        statement = insert(reports).values(row).on_conflict_do_nothing()
        self._session.single(lambda connection: connection.execute(statement), f"keep the {kind} report")
        report_id: UUID = row["report_id"]
        return report_id

    def latest(self, migration_uuid: UUID | None, kind: str) -> ReportRecord | None:
        """Return the newest report of a kind, None when there is none."""
        found = self.history(migration_uuid, kind, limit=1)
        return found[0] if found else None

    def history(self, migration_uuid: UUID | None, kind: str, limit: int = 20) -> list[ReportRecord]:
        """Return the reports of a kind, newest first."""
        table = reports.c
        mine = table.migration_uuid.is_(None) if migration_uuid is None else table.migration_uuid == migration_uuid
        query = (
            select(
                table.report_id,
                table.migration_uuid,
                table.kind,
                table.voyager_version,
                table.created_at,
                table.body,
                table.sha256,
            )
            .where(mine, table.kind == kind)
            .order_by(table.created_at.desc(), table.report_id)
            .limit(limit)
        )
        rows = self._session.single(lambda connection: connection.execute(query).all(), f"read the {kind} reports")
        return [ReportRecord(*row) for row in rows]


def report_sha256(body: Mapping[str, Any]) -> str:
    """The digest of a body as compact JSON with sorted keys, however the database orders them."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
