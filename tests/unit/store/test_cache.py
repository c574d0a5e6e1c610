"""The local copy of a migration's record."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from voyager.store.cache import read_cache, write_cache
from voyager.store.record import LeaseRecord, MigrationRecord, PhaseRecord, PhaseTotals, TableRecord

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
RECORD = MigrationRecord(
    migration_uuid=uuid4(),
    name="naïve \u202e name",
    workflow="offline",
    source={"engine": "postgresql", "schemas": ["a"]},
    target={},
    export_dir="/data/with space",
    voyager_version="1",
    version=3,
    settings={"n": None},
    capabilities={},
    phase_table={"name": "offline", "phases": []},
    created_at=NOW,
    read_at=NOW,
    ended_at=None,
    end_reason=None,
    phases={"VERIFY": PhaseRecord("VERIFY", "COMPLETED", 2, 100.0, NOW, NOW, None, {"clean": True})},
    leases={"VERIFY": LeaseRecord("VERIFY", uuid4(), "me", "here", 1, NOW, NOW, True, ({"pid": 5},))},
    tables=(TableRecord("VERIFY", "s", "t", "DONE", 1, None, 1, 2, 2, 0, 1.5, NOW, ""),),
    totals={"VERIFY": PhaseTotals("VERIFY", 1, 1, 1, 1, 2, 2, 0.0)},
)


def test_a_record_comes_back_equal_and_marked_as_cached(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    write_cache(path, RECORD)
    assert read_cache(path) == replace(RECORD, from_cache=True)


def test_the_cache_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    before = os.umask(0)
    try:
        write_cache(path, RECORD)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_former_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "record.json"
    write_cache(path, RECORD)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_cache(path, replace(RECORD, version=4))
    cached = read_cache(path)
    assert cached is not None
    assert cached.version == 3
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_missing_damaged_or_of_another_version_is_no_cache(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    assert read_cache(path) is None
    write_cache(path, RECORD)
    whole = path.read_text()
    for damaged in ("", "{}", "[1]", whole[: len(whole) // 2], json.dumps({**json.loads(whole), "format": 2})):
        path.write_text(damaged)
        assert read_cache(path) is None
