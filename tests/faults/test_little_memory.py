"""Rows of many megabytes under a limit on memory: all of them together would not fit, and they need not."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests import drive
from tests.faults.driver import unmatched_batches
from tests.faults.loads import NAMES, ROWS, WAYS, Ground, Way, ground, seeds
from voyager.embedded import Server

MEGABYTES = 4
"""What a row holds; twice as much as text."""
FEW_ROWS = ROWS.split(f"INSERT INTO {NAMES[2]}")[0]
HUGE_ROWS = f"""
INSERT INTO {NAMES[2]}
SELECT n, decode(repeat(md5(n::text), {MEGABYTES} << 16), 'hex') FROM generate_series(1, %s) n;
ANALYZE;
"""
BOUNDS = {"import data": 120, "export data --stream": 130, "pipelined": 130, "import file": 260}
"""Megabytes of data that a process may have; some 75 are taken before the first row. Of files 64 MB are in memory
beside what is being cut and sent, however large they are."""
HUGE = {way: 24 if bound < 150 else 40 for way, bound in BOUNDS.items()}


@pytest.fixture(scope="module")
def places(
    source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[int], Ground]]:
    """`places(huge)`: a ground with so many huge rows."""
    made: dict[int, Ground] = {}
    with ExitStack() as kept:

        def place(huge: int) -> Ground:
            if huge not in made:
                directory, rows = tmp_path_factory.mktemp("memory"), FEW_ROWS + HUGE_ROWS % huge
                made[huge] = kept.enter_context(ground(source_server, target_server, directory, rows=rows))
            return made[huge]

        yield place


@pytest.mark.parametrize("seed", seeds())
def test_what_is_too_little_loses_nothing_and_the_bound_is_enough(places: Callable[[int], Ground], seed: int) -> None:
    name, chance = WAYS[seed % len(WAYS)], random.Random(f"memory {seed}")
    way = places(HUGE[name]).ready(name)
    way.port = way.target.port
    assert BOUNDS[name] < HUGE[name] * MEGABYTES * 2
    way.memory = chance.randint(55, 68)
    # The driver calls it a lost connection where a socket's buffer cannot be had: then it is tried again for so long.
    way.variables["YB_VOYAGER_OUTAGE_BUDGET"] = "1"
    too_little = way.begin()
    for process in too_little:
        _, errors = process.communicate(timeout=90)
        assert "Traceback" not in errors, errors
    assert any(process.returncode for process in too_little)
    way.memory = BOUNDS[name]
    way.variables.clear()
    for line in way.lines:
        if way.state("_".join(line[:2]).upper()) != "COMPLETED":
            way.finish([way.start(*line)])
    assert_each_row_once(way)


def test_what_nobody_awaits_goes_into_the_log_and_not_on_the_screen(places: Callable[[int], Ground]) -> None:
    """Memory runs out while rows are read from a connection, where only the driver and the loop are asked."""
    way = places(HUGE["export data --stream"]).ready("export data --stream")
    way.port = way.target.port
    way.variables["YB_VOYAGER_OUTAGE_BUDGET"] = "1"
    told = ""
    for memory in (77, 80, 74, 83, 86):
        way.memory = memory
        errors = way.begin()[0].communicate(timeout=90)[1]
        assert "Traceback" not in errors, errors
        told = "".join(log.read_text() for log in (way.export_dir / "logs").glob("yb-voyager-background-*.log"))
        if told:
            break
    assert "MemoryError" in told
    assert [line for line in told.splitlines() if len(line) > 120] == []


def assert_each_row_once(way: Way) -> None:
    for sql in (
        f"SELECT a, length(b), md5(b) FROM {NAMES[2]} ORDER BY a",
        f"SELECT count(*), sum(id), md5(string_agg(filler, '' ORDER BY id)) FROM {NAMES[0]}",
        f"SELECT count(*), sum(id), md5(string_agg(t, '' ORDER BY id)) FROM {NAMES[1]}",
    ):
        assert drive.fetch(way.judged, sql) == drive.fetch(way.source, sql)
    assert unmatched_batches(way.judged) == []
