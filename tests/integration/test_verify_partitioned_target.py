"""A table of the source that the target has cut into partitions: compared, and repaired, with all of its rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import drive
from tests.integration.test_verify_repair import Pair as RepairPair
from tests.verification_pair import Pair, rows_of
from voyager.embedded import Server
from voyager.endpoint import Endpoint

SOURCE = """
CREATE TABLE k (id int PRIMARY KEY, note text);
CREATE TABLE n (a int, note text);
"""
TARGET = """
CREATE TABLE k (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
CREATE TABLE k1 PARTITION OF k FOR VALUES FROM (MINVALUE) TO (2000);
CREATE TABLE k2 PARTITION OF k FOR VALUES FROM (2000) TO (MAXVALUE);
CREATE TABLE n (a int, note text) PARTITION BY HASH (a);
CREATE TABLE n1 PARTITION OF n FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE n2 PARTITION OF n FOR VALUES WITH (MODULUS 2, REMAINDER 1);
"""
ROWS = """
INSERT INTO k SELECT i, 'note ' || i FROM generate_series(1, 4000) i;
INSERT INTO n SELECT i % 40, 'note ' || i % 80 FROM generate_series(1, 400) i;
"""
CONTENT = "SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text COLLATE \"C\")) FROM {} t"


@pytest.fixture
def ends(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint]
) -> tuple[Endpoint, Endpoint]:
    source, target = fresh_database(source_server), fresh_database(target_server)
    drive.execute(source, SOURCE + ROWS + "ANALYZE")
    drive.execute(target, TARGET + ROWS + "ANALYZE")
    return source, target


@pytest.mark.parametrize("level", ["counts", "checksum", "rows"])
def test_the_rows_in_partitions_are_compared(ends: tuple[Endpoint, Endpoint], level: str) -> None:
    pair = Pair(*ends)
    found = pair.verify(level=level, rows_per_chunk=1000)
    assert [(one.state, one.source_rows, one.target_rows) for one in found.tables] == [
        ("equal", 4000, 4000),
        ("equal", 400, 400),
    ]
    drive.execute(pair.target, "DELETE FROM k WHERE id = 17; UPDATE k SET note = 'other' WHERE id = 3999")
    difference = rows_of(pair.verify(level=level, rows_per_chunk=1000, show_values=True))
    assert (difference.object, difference.target_rows) == ("public.k", 3999)
    if level != "counts":
        named = {row.key: (row.kind, row.values) for row in difference.rows}
        assert named[("id", "3999"),] == ("different", (("note", "note 3999", "other"),))
        assert named[("id", "17"),][0] == "missing"


def test_what_differs_is_repaired_but_for_copies_that_nothing_tells_apart(
    ends: tuple[Endpoint, Endpoint], tmp_path: Path
) -> None:
    pair = RepairPair(*ends, tmp_path / "repair")
    drive.execute(
        pair.target,
        "DELETE FROM k WHERE id = 17; UPDATE k SET note = 'other' WHERE id = 3999; "
        "INSERT INTO k VALUES (5000, 'extra'); DELETE FROM n WHERE a = 3",
    )
    pair.write()
    pair.run_files()
    for table in ("k", "n"):
        assert drive.fetch(pair.target, CONTENT.format(table)) == drive.fetch(pair.source, CONTENT.format(table))
    drive.execute(pair.target, "INSERT INTO n SELECT * FROM n WHERE a = 5")
    (file,) = pair.write()
    assert (file.not_repaired, file.total) == (2, 0)
