"""Data files that are not what was exported: found before a row of the damaged block is sent, named, and repairable."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import overlapping_batches, snapshot, unmatched_batches
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

ROWS = 50_000
SOURCE = f"""
CREATE TABLE big (id int, t text);
INSERT INTO big SELECT n, 'row ' || n FROM generate_series(1, {ROWS}) n;
CREATE TABLE small (id int PRIMARY KEY);
INSERT INTO small SELECT generate_series(1, 100);
"""


@pytest.fixture(scope="module")
def exported(source_server: Server, target_server: Server, tmp_path_factory: Any) -> Iterator[Staged]:
    """A migration whose data is exported: big's file has three blocks of 20,000, 20,000 and 10,000 rows."""
    with staged(source_server, target_server, tmp_path_factory.mktemp("damaged"), SOURCE, "EXPORT_DATA") as one:
        yield one


def flip_a_bit_in_the_second_block(data: Path, manifest: dict[str, Any]) -> int:
    offset = int(manifest["blocks"][1][0])
    content = bytearray(data.read_bytes())
    content[offset + 1000] ^= 0x10
    data.write_bytes(content)
    return offset


def cut_the_last_byte(data: Path, manifest: dict[str, Any]) -> int:
    with data.open("rb+") as file:
        file.truncate(manifest["length"] - 1)
    return int(manifest["length"]) - 1


def add_a_row(data: Path, manifest: dict[str, Any]) -> int:
    with data.open("ab") as file:
        file.write(b"1\tmore\n")
    return int(manifest["length"])


@pytest.mark.parametrize(
    ("damage", "loaded"), [(flip_a_bit_in_the_second_block, 30_000), (cut_the_last_byte, 0), (add_a_row, 0)]
)
def test_a_damaged_data_file_is_named_and_no_row_of_the_damage_is_loaded(
    exported: Staged, damage: Callable[[Path, dict[str, Any]], int], loaded: int, tmp_path: Path
) -> None:
    migration = exported.after("EXPORT_DATA")
    manifest = manifest_of(migration, "big")
    data = migration.export_dir / "data" / f"{manifest['chunk_id']}_data.sql"
    shutil.copy(data, tmp_path / "good")
    offset = damage(data, manifest)

    error = migration.document("import", "data", code=10)["error"]
    assert data.name in error["message"]
    assert f"offset {offset:,}" in error["message"]
    damaged = "SELECT count(*) FROM big WHERE id BETWEEN 20001 AND 40000"
    assert drive.fetch(migration.target, damaged) == [(0,)]
    assert drive.fetch(migration.target, "SELECT count(*) FROM big")[0][0] <= loaded
    assert drive.fetch(migration.target, "SELECT count(*) FROM small") == [(100,)], "other tables go on"
    assert unmatched_batches(migration.target) == []
    assert migration.state("IMPORT_DATA") == "IN_PROGRESS"

    shutil.copy(tmp_path / "good", data)
    migration.run("import", "data")
    assert snapshot(migration.target) == snapshot(migration.source)
    assert overlapping_batches(migration.target) == []
    assert unmatched_batches(migration.target) == []


def lose_the_data_file(data: Path, _: Path) -> Path:
    data.unlink()
    return data


def lose_the_manifest(_: Path, manifest: Path) -> Path:
    manifest.unlink()
    return manifest


def tear_the_manifest(_: Path, manifest: Path) -> Path:
    manifest.write_bytes(manifest.read_bytes()[:-100])
    return manifest


def change_the_manifest(_: Path, manifest: Path) -> Path:
    manifest.write_text(manifest.read_text().replace('"rows":50000', '"rows":49999'))
    return manifest


@pytest.mark.parametrize("damage", [lose_the_data_file, lose_the_manifest, tear_the_manifest, change_the_manifest])
def test_a_lost_or_torn_file_stops_the_import(exported: Staged, damage: Callable[[Path, Path], Path]) -> None:
    migration = exported.after("EXPORT_DATA")
    chunk = manifest_of(migration, "big")["chunk_id"]
    folder = migration.export_dir / "data"
    damage(folder / f"{chunk}_data.sql", folder / f"{chunk}.manifest.json")
    error = migration.document("import", "data", code=10)["error"]
    assert chunk in json.dumps(error) or "public.big" in json.dumps(error)
    assert drive.fetch(migration.target, "SELECT count(*) FROM big") == [(0,)]


def manifest_of(migration: Trial, table: str) -> dict[str, Any]:
    for path in (migration.export_dir / "data").glob("*.manifest.json"):
        body: dict[str, Any] = json.loads(path.read_bytes())["body"]
        if body["table"]["name"] == table:
            return body
    raise AssertionError(f"{table} has no manifest")
