"""The last record of a migration as JSON in export-dir: what `status` shows, and says so, while the target is away."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from voyager.store.record import LeaseRecord, MigrationRecord, PhaseRecord, PhaseTotals, TableRecord

FORMAT = 1
RECORD = Path(".voyager") / "record.json"
"""Where the last record is, below export-dir."""


def write_cache(path: Path, record: MigrationRecord) -> None:
    """Replace the cache in one step, readable by its owner alone."""
    text = json.dumps({"format": FORMAT, "record": asdict(record)}, default=_plain, ensure_ascii=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # made 0600
    fresh = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise


def read_cache(path: Path) -> MigrationRecord | None:
    """Return the cached record, marked as such; None when there is none that this version can read."""
    try:
        saved = json.loads(path.read_bytes())
        return _record(saved["record"]) if saved["format"] == FORMAT else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _record(saved: dict[str, Any]) -> MigrationRecord:
    return MigrationRecord(
        **{
            **saved,
            "migration_uuid": UUID(saved["migration_uuid"]),
            "created_at": datetime.fromisoformat(saved["created_at"]),
            "read_at": datetime.fromisoformat(saved["read_at"]),
            "ended_at": _time(saved["ended_at"]),
            "phases": {name: _phase(phase) for name, phase in saved["phases"].items()},
            "leases": {name: _lease(lease) for name, lease in saved["leases"].items()},
            "tables": tuple(
                TableRecord(**{**table, "updated_at": datetime.fromisoformat(table["updated_at"])})
                for table in saved["tables"]
            ),
            "totals": {name: PhaseTotals(**totals) for name, totals in saved["totals"].items()},
            "from_cache": True,
        }
    )


def _phase(saved: dict[str, Any]) -> PhaseRecord:
    times = {name: _time(saved[name]) for name in ("started_at", "completed_at")}
    return PhaseRecord(**{**saved, **times})


def _lease(saved: dict[str, Any]) -> LeaseRecord:
    times = {name: datetime.fromisoformat(saved[name]) for name in ("acquired_at", "expires_at")}
    return LeaseRecord(**{**saved, **times, "token": UUID(saved["token"]), "backends": tuple(saved["backends"])})


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
