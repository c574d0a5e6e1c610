"""Which connections a lease names, so that whoever takes the phase over can end them: all of an attempt's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import LeaseLost
from voyager.phases import import_data
from voyager.phases.recorded import RecordedConnections, recorded_connection

PHASE = "IMPORT_DATA"
WORKER = {"pid": 1, "backend_start": "2026-01-01T00:00:00+00:00"}


@pytest.fixture
def path(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> DataPath:
    return DataPath(fresh_database(source_server), fresh_database(target_server), tmp_path / "e")


def named(path: DataPath) -> set[int]:
    sql = "SELECT (b ->> 'pid')::int FROM ybvoyager.leases, jsonb_array_elements(backends::jsonb) b"
    return {pid for (pid,) in drive.fetch(path.target, sql)}


def pid(connection: Any) -> int:
    return int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])


def test_a_connection_is_recorded_beside_the_others_of_its_attempt(path: DataPath) -> None:
    job = path.job(PHASE, import_data.Options())
    job.announce(("worker", 1), WORKER)
    pool = RecordedConnections(job, "build")
    pids = {pid(pool.open()), pid(pool.open())}
    with recorded_connection(job, "sequences") as connection:
        assert named(path) == {1, *pids, pid(connection)}
    job.announce(("worker", 2), {**WORKER, "pid": 2})
    job.announce(("worker", 1), {**WORKER, "pid": 3})
    job.announce(("worker", 4), {})
    assert named(path) >= {2, 3, *pids}
    assert 1 not in named(path)
    pool.close()


def test_nothing_is_recorded_once_the_phase_was_taken_over(path: DataPath) -> None:
    job = path.job(PHASE, import_data.Options())
    drive.execute(path.target, "UPDATE ybvoyager.leases SET token = gen_random_uuid()")
    with pytest.raises(LeaseLost):
        job.announce(("worker", 1), WORKER)
    with pytest.raises(LeaseLost), recorded_connection(job, "sequences"):
        raise AssertionError("it was opened")
    assert named(path) == set()
