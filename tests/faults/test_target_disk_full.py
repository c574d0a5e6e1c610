"""The target's disk is full: exit code 10, what is in stays in, and the same command goes on when there is room."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.loads import NAMES, WAYS, Ground, ground, seeds
from voyager.embedded import Server, start_server

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def limited(servers_directory: Path) -> Iterator[tuple[Server, Path]]:
    """A target with a tablespace "small" on a file system of 32 MB, and where that is."""
    disk = servers_directory / "small disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root")
    try:
        with start_server(servers_directory / "full") as server:
            space = disk / "space"
            space.mkdir(mode=0o700)
            if server.account is not None:
                os.chown(space, server.account.pw_uid, server.account.pw_gid)
            drive.execute(server.endpoint(), f"CREATE TABLESPACE small LOCATION '{space}'")
            yield server, disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture(scope="module")
def place(
    source_server: Server, limited: tuple[Server, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    with ground(source_server, limited[0], tmp_path_factory.mktemp("full")) as made:
        yield made


@pytest.mark.parametrize("seed", seeds())
def test_a_full_disk_of_the_target_loses_nothing(place: Ground, limited: tuple[Server, Path], seed: int) -> None:
    way, chance = place.ready(WAYS[(seed + 2) % len(WAYS)]), random.Random(f"full {seed}")
    # What bookkeeping needs stays where there is room; some tables, the largest always, are where there is little.
    for table in {NAMES[0], *chance.sample(NAMES, 2)}:
        drive.execute(way.target, f"ALTER TABLE {table} SET TABLESPACE small")
    drive.execute(way.target, "CHECKPOINT")
    filler = limited[1] / "filler"
    free = os.statvfs(limited[1]).f_bavail * os.statvfs(limited[1]).f_frsize
    filler.write_bytes(bytes(free - chance.randint(MEGABYTE // 8, MEGABYTE // 2)))
    try:
        told = way.move(10, *([0] if len(way.lines) > 1 else []))
        assert "No space left on device" in told
        assert way.loaded() < 30
    finally:
        filler.unlink()
    way.go_on()
    way.assert_each_row_once()
