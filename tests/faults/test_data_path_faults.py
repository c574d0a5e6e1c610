"""The data path when processes are killed, servers crash, answers are lost and leases are taken over."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.states import expire_leases
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, LeaseLost

# No key: a row loaded twice would stay.
DDL = "CREATE TABLE public.big (id int, filler text); CREATE TABLE public.small (a int);"
ROWS = """
INSERT INTO public.big SELECT i, repeat('x', 90) FROM generate_series(1, 400000) i;
INSERT INTO public.small SELECT generate_series(1, 10);
"""
SUM = "SELECT count(*), sum(id::bigint), sum(hashtextextended(filler, 0)) FROM public.big"


@pytest.fixture(autouse=True)
def _no_post_data(monkeypatch: pytest.MonkeyPatch) -> None:
    without_post_data(monkeypatch)


@pytest.fixture
def path(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> DataPath:
    source, target = fresh_database(source_server), fresh_database(target_server)
    for endpoint in (source, target):
        drive.execute(endpoint, DDL)
    drive.execute(source, ROWS)
    return DataPath(source, target, tmp_path / "e", lease_seconds=1.0)


def assert_every_row_once(path: DataPath) -> None:
    assert drive.fetch(path.target, SUM) == drive.fetch(path.source, SUM)
    ((rows,),) = drive.fetch(path.target, "SELECT sum(rows) FROM ybvoyager.import_batches")
    assert rows == 400_010


def killed_again_and_again(path: DataPath, phase: str, done: Callable[[], int], **options: object) -> int:
    """Kill the phase each time it got a little further, then let it finish; return how often the kill came in time."""
    chance, hits = random.Random(7), 0
    for _ in range(4):
        enough = done() + chance.randint(1, 6)
        process = path.start(phase, **options)
        while process.poll() is None and done() < enough:
            time.sleep(chance.uniform(0, 0.02))
        hits += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.communicate()
    last = path.start(phase, **options)
    _, errors = last.communicate(timeout=90)
    assert last.returncode == 0, errors
    return hits


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_row_and_double_none(path: DataPath) -> None:
    def parts() -> int:
        return len(list(path.export_dir.data.glob("*.manifest.json")))

    def batches() -> int:
        return int(drive.fetch(path.target, "SELECT count(*) FROM ybvoyager.import_batches")[0][0])

    assert killed_again_and_again(path, "export", parts, chunk_size="1MB", parallel_jobs=2)
    assert killed_again_and_again(path, "load", batches, parallel_jobs=2)
    assert_every_row_once(path)
    assert not list(path.export_dir.data.glob(".*.tmp"))


class Proxy:
    """A TCP proxy to one server that can cut every connection right after a COMMIT was passed on."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.commits_to_cut = 0
        self.cuts = 0
        self.then_refuse = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._port))
                threading.Thread(target=self._upstream, args=(client, server), daemon=True).start()
                threading.Thread(target=self._pass, args=(server, client), daemon=True).start()

    def _upstream(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(1 << 16):
                if self.commits_to_cut and data.startswith(b"Q") and data.endswith(b"COMMIT\0"):
                    self.commits_to_cut -= 1
                    self.cuts += 1
                    if self.then_refuse:
                        self.close()
                    client.shutdown(socket.SHUT_RDWR)
                    # The answer comes, finds nobody, and ends the connection.
                    server.sendall(data)
                    return
                server.sendall(data)
        self._end(client, server)

    def _pass(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 16):
                client.sendall(data)
        self._end(client, server)

    @staticmethod
    def _end(*sockets: socket.socket) -> None:
        for one in sockets:
            with contextlib.suppress(OSError):
                one.close()


@pytest.fixture
def proxy(target_server: Server) -> Iterator[Proxy]:
    one = Proxy(target_server.port)
    yield one
    one.close()


def test_a_commit_whose_answer_is_lost_is_settled_by_the_ledger(path: DataPath, proxy: Proxy) -> None:
    path.export()
    direct, path.target = path.target, replace(path.target, port=proxy.port)
    proxy.commits_to_cut = 5
    path.load(parallel_jobs=2, outage_budget=20.0)
    assert proxy.cuts == 5
    path.target = direct
    assert_every_row_once(path)


def test_a_source_that_crashes_is_waited_for_and_read_under_a_new_snapshot(
    own_server: Callable[..., Server], target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> None:
    server = own_server()
    target = fresh_database(target_server)
    for endpoint in (server.endpoint(), target):
        drive.execute(endpoint, DDL)
    drive.execute(server.endpoint(), ROWS + "CHECKPOINT")
    path = DataPath(server.endpoint(), target, tmp_path / "e")
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 15:
            server.restart("immediate")

    path.checkpoint = checkpoint
    outcome = path.export(chunk_size="1MB", parallel_jobs=2, outage_budget=30.0)
    assert len(outcome.summary["snapshots"]) >= 2
    assert any("Trying again" in warning for warning in path.warnings)
    path.load()
    assert_every_row_once(path)


def test_a_target_that_crashes_is_waited_for(
    own_server: Callable[..., Server], source_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> None:
    server, source = own_server(), fresh_database(source_server)
    for endpoint in (source, server.endpoint()):
        drive.execute(endpoint, DDL)
    drive.execute(source, ROWS)
    path = DataPath(source, server.endpoint(), tmp_path / "e")
    path.export()
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 8:
            server.restart("immediate")

    path.checkpoint = checkpoint
    path.load(parallel_jobs=2, outage_budget=30.0)
    assert calls >= 8
    assert_every_row_once(path)


def test_a_target_that_stays_away_is_an_outage_and_the_next_run_goes_on(path: DataPath, proxy: Proxy) -> None:
    path.export()
    direct, path.target = path.target, replace(path.target, port=proxy.port)
    proxy.commits_to_cut, proxy.then_refuse = 1, True
    with pytest.raises(DatabaseAway):
        path.load(parallel_jobs=1, outage_budget=0.2)
    path.target = direct
    path.load()
    assert_every_row_once(path)


def test_a_holder_that_was_taken_over_commits_nothing_more(path: DataPath) -> None:
    path.export()
    # The batch with this row waits: it is stopped in the middle of it.
    with shut_door(path.target, "public.big", "id = 200000") as door:
        process = path.start("load", parallel_jobs=1)
        wait_until(lambda: door.waiting() != [] or process.poll() is not None)
        process.send_signal(signal.SIGSTOP)
    assert drive.fetch(path.target, "SELECT count(*) > 0 FROM ybvoyager.import_batches") == [(True,)]
    expire_leases(path.target)
    path.load(parallel_jobs=2)
    process.send_signal(signal.SIGCONT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "LeaseLost" in errors or "taken over" in errors
    assert_every_row_once(path)


def test_a_lease_that_is_lost_in_mid_batch_rolls_the_batch_back(path: DataPath) -> None:
    path.export()
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 4:
            drive.execute(path.target, "UPDATE ybvoyager.leases SET token = gen_random_uuid()")

    path.checkpoint = checkpoint
    with pytest.raises(LeaseLost):
        path.load(parallel_jobs=1)
    ((rows, vouched),) = drive.fetch(
        path.target,
        "SELECT (SELECT count(*) FROM public.big) + (SELECT count(*) FROM public.small),"
        " (SELECT sum(rows) FROM ybvoyager.import_batches)",
    )
    assert rows == vouched < 400_010


def test_a_notice_amid_the_rows_cannot_make_rows_vanish(path: DataPath) -> None:
    """The driver drops rows that stand before a notice in its buffer: notices are off, and rows are counted."""
    from voyager.postgres import bulk

    async def read(level: str) -> tuple[int, int]:
        connection = await bulk.connect(path.source, "test", settings={"client_min_messages": level})
        await connection.execute(
            "CREATE FUNCTION pg_temp.noisy(i int) RETURNS int LANGUAGE plpgsql AS"
            " 'BEGIN IF i % 10 = 0 THEN RAISE NOTICE ''x''; END IF; RETURN i; END'"
        )
        counted = 0
        async with bulk.copy_out(connection, "SELECT pg_temp.noisy(i) FROM generate_series(1, 50000) i") as rows:
            async for some in rows:
                counted += some.count(b"\n")
        await connection.close()
        return counted, rows.count

    assert asyncio.run(read("error")) == (50_000, 50_000)
    # Whatever the driver does with notices: what the server says it sent shows what did not come.
    assert asyncio.run(read("notice"))[1] == 50_000


@pytest.mark.parametrize("stream", [False, True], ids=["into a file", "into the target"])
def test_rows_that_vanish_on_the_way_are_missed(path: DataPath, monkeypatch: pytest.MonkeyPatch, stream: bool) -> None:
    from voyager.errors import VoyagerError
    from voyager.postgres import bulk

    lost: list[bytes] = []
    put = bulk._Pipe.put

    async def losing(pipe: bulk._Pipe, frame: bytearray) -> None:
        end = frame.index(b"\n") + 1
        if b"\t" in frame[:end] and not lost:
            lost.append(bytes(frame[:end]))
            del frame[:end]
        await put(pipe, frame)

    monkeypatch.setattr(bulk._Pipe, "put", losing)
    # An enum makes the table travel as text, whose rows this test can tell apart.
    drive.execute(path.source, "CREATE TYPE mood AS ENUM ('x'); ALTER TABLE big ADD m mood")
    drive.execute(path.target, "CREATE TYPE mood AS ENUM ('x'); ALTER TABLE big ADD m mood")
    with pytest.raises(VoyagerError, match=r"400,000 rows|but 399,999|399,999 of the 400,000"):
        path.export(stream=stream, chunk_size="1GB")
    assert lost
    assert drive.fetch(path.target, "SELECT count(*) FROM big") == [(0,)]
