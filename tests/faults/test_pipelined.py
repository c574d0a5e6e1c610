"""Import beside export: chunks are loaded as they come, and every row is there once whatever is killed when."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.faults.driver import overlapping_batches, snapshot, unmatched_batches
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

# No key: a row loaded twice would stay.
SOURCE = """
CREATE TABLE big (id int, filler text);
INSERT INTO big SELECT n, repeat('x', 90) FROM generate_series(1, 120000) n;
CREATE TABLE other (id int PRIMARY KEY, t text);
INSERT INTO other SELECT n, 'row ' || n FROM generate_series(1, 30000) n;
CREATE TABLE child (id int PRIMARY KEY, o int REFERENCES other);
INSERT INTO child SELECT n, n FROM generate_series(1, 5000) n;
CREATE TABLE empty (a int);
"""
SMALL_PARTS = ("--chunk-size", "500KB")


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    with staged(
        source_server,
        target_server,
        tmp_path_factory.mktemp("pipelined"),
        SOURCE,
        "IMPORT_SCHEMA",
        workflow="pipelined",
    ) as found:
        yield found


@pytest.fixture
def migration(stage: Staged) -> Trial:
    return stage.after("IMPORT_SCHEMA")


def assert_every_row_once(migration: Trial) -> None:
    assert snapshot(migration.target) == snapshot(migration.source)
    assert unmatched_batches(migration.target) == []
    assert overlapping_batches(migration.target) == []


def test_both_run_at_the_same_time_and_every_row_is_there_once(migration: Trial) -> None:
    export = migration.start("export", "data", *SMALL_PARTS, "--parallel-jobs", "1")
    while migration.state("EXPORT_DATA") != "IN_PROGRESS":
        time.sleep(0.05)
    load = migration.start("import", "data")
    said = load.communicate(timeout=120)
    assert load.returncode == 0, said
    assert export.wait(timeout=5) == 0
    export.communicate()
    assert_every_row_once(migration)
    assert migration.document("next")["next"]["phase"] == "VERIFY"
