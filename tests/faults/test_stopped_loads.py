"""A process that moves rows is stopped with SIGSTOP, another takes over, the first goes on: each row is in once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import drive
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.faults.loads import WAYS, Ground, Way, ground, seeds
from tests.faults.proxy import Slowness
from tests.states import expire_leases
from voyager.embedded import Server


@pytest.fixture(scope="module")
def place(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(source_server, target_server, tmp_path_factory.mktemp("stops")) as made:
        yield made


@pytest.mark.parametrize("seed", seeds())
def test_a_stopped_one_and_who_took_over_load_each_row_once(place: Ground, seed: int) -> None:
    way, chance = place.ready(WAYS[(seed + 2) % len(WAYS)]), random.Random(f"stop {seed}")
    way.variables["YB_VOYAGER_LEASE_SECONDS"] = "120"
    # So that others than the first batches of the second are there when the first goes on.
    place.proxy.slowness = Slowness(delay=0.002, segment=4000)
    number = len(way.lines) - 1
    processes: list[subprocess.Popen[str]] = []
    try:
        victim = stopped(way, chance, processes)
        held = tokens(way)
        expire_leases(way.judged, "_".join(way.lines[number][:2]).upper())
        second = way.start(*way.lines[number])
        processes.append(second)
        wait_until(lambda: second.poll() is not None or not tokens(way) >= held)
        further = way.loaded() + chance.randint(0, 8)
        wait_until(lambda: second.poll() is not None or way.loaded() >= further)
        time.sleep(chance.uniform(0.0, 0.3))
        os.kill(victim.pid, signal.SIGCONT)
        place.proxy.slowness = None
        way.finish(processes, 0, 6)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert 6 in (victim.returncode, second.returncode)
    way.go_on()
    way.assert_each_row_once()


def tokens(way: Way) -> set[object]:
    """What stands for the right to write, of every phase that somebody runs."""
    return {row[0] for row in drive.fetch(way.judged, "SELECT token FROM ybvoyager.leases")}


def stopped(way: Way, chance: random.Random, processes: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    """Begin the way, and SIGSTOP who loads when the batch with a row by chance waits in the server."""
    rows = {"bare": ("id", 5000), "keyed": ("id", 3000), '"Odd one"': ("a", 800)}
    table = chance.choice(list(rows))
    column, count = rows[table]
    with shut_door(way.judged, table, f"{column} = {chance.randint(1, count)}") as door:
        processes += way.begin()
        victim = processes[-1]
        wait_until(lambda: door.waiting() != [] or victim.poll() is not None)
        # The others have some more of theirs in hand, or are at their end.
        time.sleep(chance.uniform(0.0, 0.05))
        os.kill(victim.pid, signal.SIGSTOP)
        assert victim.poll() is None, victim.communicate()
    return victim
