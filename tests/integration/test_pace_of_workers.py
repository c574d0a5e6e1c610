"""Workers of real exports and imports: held and let go, more and fewer of them, spread over addresses of the target."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.relay import Relay
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, Interrupted
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.job import Job
from voyager.phases.pacing.live import LivePace
from voyager.progress import Pacing
from voyager.store.steering import Pause, Steering
from voyager.target.nodes import Nodes

DDL = "CREATE TABLE public.big (id int, filler text)"
ROWS = "INSERT INTO public.big SELECT i, repeat('x', 90) FROM generate_series(1, 40000) i"
# Each part of 64 kB, some 500 rows of it, takes a tenth of a second to load.
SLOW = """
CREATE FUNCTION public.slow() RETURNS boolean LANGUAGE sql AS 'SELECT pg_sleep(0.1) IS NOT NULL';
ALTER TABLE public.big ADD CHECK (id % 500 <> 0 OR public.slow())"""
HELD = """
CREATE OR REPLACE FUNCTION public.slow() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    WHILE EXISTS (SELECT FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.held')) LOOP
        PERFORM pg_catalog.pg_sleep(0.05);
    END LOOP;
    RETURN true;
END $$"""
# A row of each part but the first few.
LATER_PARTS = "id > 4000 AND id % 100 = 0"
CONTENT = "SELECT count(*), sum(id::bigint), sum(hashtextextended(filler, 0)) FROM public.big"
CONNECTED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = %s"
PAUSE = Pause(None, datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "ann@host 1")


class Steered(DataPath):
    """A data path whose operator the test is."""

    now = Steering()
    told: list[Pacing]
    notes: list[str]

    def job(self, phase: str, options: Any) -> Job:
        self.told, self.notes = [], []
        job = super().job(phase, options)
        job.steering = lambda: self.now
        job.tell_pace = self.told.append
        job.note = lambda sentence, _detail: self.notes.append(sentence)
        return job

    def connections(self, purpose: str, end: Endpoint) -> int:
        return int(drive.fetch(end, CONNECTED, [f"yb-voyager {purpose}"])[0][0])

    def batches(self) -> int:
        return int(drive.fetch(self.target, "SELECT count(*) FROM ybvoyager.import_batches")[0][0])


@pytest.fixture(autouse=True)
def _no_post_data(monkeypatch: pytest.MonkeyPatch) -> None:
    without_post_data(monkeypatch)


@pytest.fixture
def path(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> Steered:
    source, target = fresh_database(source_server), fresh_database(target_server)
    for endpoint in (source, target):
        drive.execute(endpoint, DDL)
    drive.execute(source, ROWS)
    drive.execute(source, "ANALYZE public.big")
    drive.execute(target, SLOW)
    return Steered(source, target, tmp_path / "export dir")


def hold(path: Steered) -> None:
    """Let every part that is loaded from now on take until `let_go`: its check waits."""
    drive.execute(path.target, "CREATE TABLE public.held ()")
    drive.execute(path.target, HELD)


def let_go(path: Steered) -> None:
    drive.execute(path.target, "DROP TABLE public.held")


class Running:
    """Work in a thread of its own; `ended()` waits for it and raises what it raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._failure: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, args=(work,), daemon=True)
        self._thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            self._failure.append(error)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def ended(self) -> None:
        self._thread.join(60)
        assert not self._thread.is_alive()
        if self._failure:
            raise self._failure[0]


def pause(path: Steered, workers: int) -> None:
    path.now = Steering({"parallel_jobs": workers}, PAUSE)
    wait_until(lambda: bool(path.told) and path.told[-1].paused == PAUSE.says)


def assert_every_row_once(path: DataPath) -> None:
    assert drive.fetch(path.target, CONTENT) == drive.fetch(path.source, CONTENT)


def test_a_paused_import_gives_its_connections_back_and_goes_on_where_it_was(path: Steered) -> None:
    path.export(chunk_size="64kB")
    with shut_door(path.target, "public.big", LATER_PARTS) as door:
        load = Running(lambda: path.load(parallel_jobs=3))
        wait_until(lambda: len(door.waiting()) == 3)
        assert path.batches() >= 3
        assert path.connections("import data", path.target) == 3
        pause(path, 3)
        door.open()
        wait_until(lambda: path.connections("import data", path.target) == 0)
        there = path.batches()
        time.sleep(1.0)
        assert path.batches() == there
        assert load.alive
        assert path.told[-1].paused == PAUSE.says
    path.now = Steering({"parallel_jobs": 3}, None)
    load.ended()
    assert path.notes[:2] == [PAUSE.says, "resumed"]
    assert_every_row_once(path)


def test_a_running_import_takes_as_many_workers_as_are_set(path: Steered) -> None:
    path.export(chunk_size="64kB")
    path.now = Steering({"parallel_jobs": 1}, None)
    later = "id > 20000 AND id % 100 = 0"
    with (
        shut_door(path.target, "public.big", f"{LATER_PARTS} AND id <= 20000") as door,
        shut_door(path.target, "public.big", later, number=2) as last,
    ):
        load = Running(lambda: path.load())
        wait_until(lambda: len(door.waiting()) == 1)
        assert path.batches() >= 2
        assert path.connections("import data", path.target) == 1
        path.now = Steering({"parallel_jobs": 6}, None)
        wait_until(lambda: len(door.waiting()) == 6)
        assert path.connections("import data", path.target) == 6
        path.now = Steering({"parallel_jobs": 2}, None)
        wait_until(lambda: bool(path.told) and path.told[-1].workers == 2)
        # Four of the six end what they have in hand, and are not seen again.
        door.open()
        wait_until(lambda: path.connections("import data", path.target) == len(last.waiting()) == 2)
        assert load.alive
    load.ended()
    assert path.notes == ["1 workers became 6: set by the operator", "6 workers became 2: set by the operator"]
    assert_every_row_once(path)


def test_an_import_that_is_stopped_while_it_is_paused_stops_at_once(path: Steered) -> None:
    path.export(chunk_size="64kB")
    with shut_door(path.target, "public.big", LATER_PARTS) as door:
        load = Running(lambda: path.load(parallel_jobs=2))
        wait_until(lambda: len(door.waiting()) == 2)
        pause(path, 2)
        door.open()
        wait_until(lambda: path.connections("import data", path.target) == 0)

        def stop() -> None:
            raise Interrupted("stopped", "")

        path.checkpoint = stop
        with pytest.raises(Interrupted):
            load.ended()
    path.checkpoint, path.now = (lambda: None), Steering()
    path.load()
    assert_every_row_once(path)


def test_a_paused_export_keeps_its_snapshot_and_a_running_one_takes_more_readers(path: Steered) -> None:
    def parts() -> int:
        return len(list(path.export_dir.data.glob("*.manifest.json")))

    one, four, seen = Steering({"parallel_jobs": 1}, None), Steering({"parallel_jobs": 4}, None), [0]

    def dawdle() -> None:
        # It does not come to its end before it is told to pause.
        while path.now is one and parts() > 20:
            time.sleep(0.01)
        if path.now is four:
            seen.append(path.connections("export data", path.source))
        time.sleep(0.015)

    path.checkpoint, path.now = dawdle, one
    export = Running(lambda: path.export(chunk_size="64kB"))
    wait_until(lambda: parts() >= 2)
    path.now = Steering({"parallel_jobs": 1}, PAUSE)
    wait_until(lambda: bool(path.told[-1].paused))
    time.sleep(0.5)
    there = parts()
    drive.execute(path.source, "INSERT INTO public.big VALUES (0, 'too late')")
    time.sleep(1.0)
    assert parts() == there
    path.now = four
    export.ended()
    assert max(seen) == 1 + 4
    attempt = ExportAttempt.load(path.export_dir.data)
    assert attempt is not None
    assert len(attempt.snapshots) == 1
    assert not attempt.mixed
    path.load()
    assert drive.fetch(path.target, "SELECT count(*), min(id) FROM public.big") == [(40000, 1)]


def test_a_paused_stream_leaves_the_target_alone_and_goes_on(path: Steered) -> None:
    path.now = Steering({"parallel_jobs": 2}, None)
    with shut_door(path.target, "public.big", "id > 30000 AND id % 100 = 0") as door:
        stream = Running(lambda: path.export(stream=True, chunk_size="64kB"))
        wait_until(lambda: len(door.waiting()) == 2)
        assert path.batches() >= 3
        pause(path, 2)
        # What waits there is broken off: it would take for ever.
        wait_until(lambda: path.connections("stream data", path.target) == 0)
        there = path.batches()
        time.sleep(0.5)
        assert path.batches() == there
        path.now = Steering({"parallel_jobs": 4}, None)
        wait_until(lambda: path.connections("stream data", path.target) == 4)
    stream.ended()
    assert_every_row_once(path)


# Several addresses of one target


@pytest.fixture
def relays(target_server: Server) -> Any:
    made = [Relay(target_server.endpoint().port) for _ in range(2)]
    yield made
    for relay in made:
        relay.cut()


@pytest.fixture
def _patient_for_less(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Nodes.__init__.__kwdefaults__, "out_seconds", 0.5)


@pytest.mark.usefixtures("_patient_for_less")
@pytest.mark.parametrize("stream", [False, True])
def test_connections_are_spread_and_a_node_that_goes_away_is_left_out_until_it_is_back(
    path: Steered, relays: list[Relay], stream: bool
) -> None:
    first, second = relays
    where = {"parallel_jobs": 4, "target_endpoints": (first.address, second.address)}
    if stream:
        load = Running(lambda: path.export(stream=True, chunk_size="64kB", **where))
    else:
        path.export(chunk_size="64kB")
        load = Running(lambda: path.load(**where))
    wait_until(lambda: path.batches() >= 3)
    hold(path)
    assert (first.connections, second.connections) == (2, 2)
    first.cut()
    wait_until(lambda: second.connections == 4)
    before = path.batches()
    let_go(path)
    wait_until(lambda: path.batches() > before + 8)
    told = [warning for warning in path.warnings if "left out" in warning]
    assert told
    assert all(first.address in warning for warning in told)
    came = first.came
    hold(path)
    first.restore()
    # Only new connections go there: one more worker finds it empty, after its time is up.
    time.sleep(1.5)
    path.now = Steering({"parallel_jobs": 6}, None)
    wait_until(lambda: first.came > came)
    assert load.alive
    let_go(path)
    load.ended()
    assert_every_row_once(path)
    shown = next(pacing for pacing in path.told if pacing.nodes)
    assert set(shown.nodes) == {first.address, second.address}


def test_when_every_node_is_away_the_import_waits_and_then_says_so(path: Steered, relays: list[Relay]) -> None:
    path.export()
    for relay in relays:
        relay.cut()
    with pytest.raises(DatabaseAway):
        path.load(target_endpoints=tuple(relay.address for relay in relays), outage_budget=1.0)
    assert path.batches() == 0


def test_a_target_out_of_connections_gets_fewer_of_them(
    path: Steered, target_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LivePace.__init__.__kwdefaults__, "step_seconds", 0.3)
    drive.execute(target_server.endpoint(), "DROP ROLE IF EXISTS few")
    drive.execute(target_server.endpoint(), "CREATE ROLE few LOGIN PASSWORD 'x' CONNECTION LIMIT 3")
    for one in ("ALL ON SCHEMA ybvoyager", "ALL ON ALL TABLES IN SCHEMA ybvoyager", "ALL ON TABLE public.big"):
        drive.execute(path.target, f"GRANT {one} TO few")
    path.export(chunk_size="64kB")
    path.capabilities = replace(path.capabilities, replication_role=False)
    own, path.target = path.target, replace(path.target, user="few", password="x")
    monkeypatch.setattr("voyager.phases.pacing.target.read_cores", lambda _connection, _nodes: 32)
    path.load(outage_budget=30.0)
    path.target = own
    assert path.told[0].workers == 8
    assert path.notes[0] == "8 workers became 4: the target is out of connections (53300)"
    assert_every_row_once(path)
