"""--max-disk holds to the byte, whatever the catalog says of the size of what is read."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import snapshot
from tests.faults.trial import Staged, staged
from voyager.data_file import BLOCK_BYTES, ChunkWriter
from voyager.embedded import Server

MEGABYTE = 1 << 20
LIMIT = 6 * MEGABYTE
# Compressed by the server to a hundredth: the catalog's sizes promise next to nothing. 20 MB each as text.
SOURCE = """
CREATE TABLE wide (id int, filler text);
INSERT INTO wide SELECT n, repeat(chr(97 + n % 26), 100000) FROM generate_series(1, 200) n;
CREATE TABLE wide2 (id int, filler text);
INSERT INTO wide2 SELECT * FROM wide;
"""
WATCHED = """
import os, sys
from voyager import data_file
from voyager.phases.export import files
most = [0]
put = data_file.ChunkWriter._put
def watched(self, content):
    put(self, content)
    folder = self.path.parent
    most[0] = max(most[0], sum(one.stat().st_size for one in os.scandir(folder) if one.name.endswith("_data.sql")))
    open(os.environ["MOST"], "w").write(str(most[0]))
data_file.ChunkWriter._put = watched
from voyager.cli.app import main
main(sys.argv[1:])
"""


@pytest.fixture(scope="module")
def stage(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("bound")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_SCHEMA") as found:
        yield found


def test_parts_that_turn_out_larger_than_the_catalog_says_never_reach_beyond_the_limit(
    stage: Staged, tmp_path: Path
) -> None:
    migration, most = stage.after("IMPORT_SCHEMA"), tmp_path / "most"
    command = ("export", "data", "--parallel-jobs", "2", "--max-disk", str(LIMIT))
    ended = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, migration.command(*command))],
        env=drive.clean_environment({**migration.environment, "MOST": str(most)}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 10, ended.stderr
    assert "--max-disk 6.0 MB" in ended.stderr
    assert LIMIT - MEGABYTE < int(most.read_text()) <= LIMIT < BLOCK_BYTES
    migration.run("export", "data", "--max-disk", "100MB")
    migration.run("import", "data")
    assert snapshot(migration.target) == snapshot(migration.source)


@pytest.mark.parametrize("compression", ["none", "zstd"])
@pytest.mark.parametrize("alike", [True, False])
def test_how_long_a_file_gets_is_known_before_its_rows_are_written(
    tmp_path: Path, compression: str, alike: bool
) -> None:
    chance = random.Random(7)
    writer = ChunkWriter(tmp_path / "x_data.sql", compression)
    for size in [1, 3 * MEGABYTE, *(chance.randint(1, 200_000) for _ in range(150)), 9 * MEGABYTE, 5]:
        rows = (b"x" * size if alike else chance.randbytes(size).replace(b"\n", b"n")) + b"\n"
        bound = writer.reach(len(rows))
        writer.write(rows)
        assert writer.path.stat().st_size <= bound
    bound = writer.reach(0)
    writer.finish()
    assert writer.path.stat().st_size <= bound
