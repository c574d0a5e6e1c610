"""SQL that travels to a server stays ASCII: a LATIN1 database refuses what it cannot hold, even in a literal."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted([*(ROOT / "voyager").rglob("*.sql"), *(ROOT / "migrations_ddl").rglob("*.sql")])
SAMPLES = {"shop.sql"}  # the demo's own data, for a server that the demo started


@pytest.mark.parametrize("path", [path for path in TEXTS if path.name not in SAMPLES], ids=lambda path: path.name)
def test_an_sql_text_is_ascii(path: Path) -> None:
    assert path.read_text(encoding="utf-8").isascii()


def test_there_are_sql_texts_to_look_at() -> None:
    assert len(TEXTS) > 5
