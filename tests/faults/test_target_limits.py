"""The target has no connections or no patience for us: nothing is lost, and what may be waited for is.

The commands come as a role that owns the target's database and is no superuser: limits are not for superusers.
"""

from __future__ import annotations

import contextlib
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests import drive
from tests.faults.driver import locked, wait_until
from tests.faults.loads import NAMES, WAYS, Ground, Way, ground, seeds
from voyager.embedded import Server, start_server
from voyager.postgres.attempts import TIMES_CANCELLED

LIMIT = 12
"""Connections that the role may have; any of our commands alone comes out with them."""
COPY_WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"


@pytest.fixture(scope="module")
def place(source_server: Server, servers_directory: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with (
        start_server(servers_directory / "limited", settings={"log_line_prefix": "»%a|"}) as target,
        ground(source_server, target, tmp_path_factory.mktemp("limits"), superuser=False) as made,
    ):
        yield made


def refused(place: Ground, way: Way) -> int:
    """How many of our own connections the server turned away."""
    said = place.target_server.log.read_text(errors="replace")
    return said.count(f'too many connections for role "{way.target.user}"')


@contextmanager
def crowded(way: Way, chance: random.Random) -> Iterator[list[int]]:
    """Somebody else takes every connection that is free, lets go for a moment, and takes them again. Gives how often he
    was turned away himself."""
    over, turned_away = threading.Event(), [0]

    def crowd() -> None:
        while not over.is_set():
            with contextlib.ExitStack() as held:
                for _ in range(LIMIT):
                    try:
                        held.enter_context(drive.connect(way.target))
                    except psycopg.OperationalError:
                        turned_away[0] += 1
                        break
                over.wait(chance.uniform(0.2, 0.6))
            over.wait(chance.uniform(0.1, 0.4))

    crowd_of_one = threading.Thread(target=crowd)
    crowd_of_one.start()
    try:
        yield turned_away
    finally:
        over.set()
        crowd_of_one.join()


def limit(place: Ground, way: Way, connections: int) -> None:
    drive.execute(place.target_server.endpoint(), f"ALTER ROLE {way.target.user} CONNECTION LIMIT {connections}")


def begun_without_any(place: Ground, way: Way, _: random.Random) -> list[subprocess.Popen[str]]:
    """Somebody else has the only connection until the command was turned away."""
    before = refused(place, way)
    with drive.connect(way.target):
        limit(place, way, 1)
        processes = way.begin()
        wait_until(lambda: refused(place, way) > before or processes[0].poll() is not None)
    return processes


def begun_and_cut_off(place: Ground, way: Way, chance: random.Random) -> list[subprocess.Popen[str]]:
    """In the middle of its load the command loses every connection, and somebody else has the only one then."""
    cut_off = f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE usename = '{way.target.user}' AND application_name <> 'yb-voyager tests'"""
    with drive.connect(way.target), locked(way.judged, chance.choice(NAMES), "SHARE"):
        processes = way.begin()
        wait_until(lambda: drive.fetch(way.judged, COPY_WAITS) != [] or processes[-1].poll() is not None)
        before = refused(place, way)
        limit(place, way, 1)
        drive.execute(way.judged, cut_off)
        wait_until(lambda: refused(place, way) > before or processes[-1].poll() is not None)
    return processes


@pytest.mark.parametrize("seed", seeds())
def test_a_target_without_free_connections_is_waited_for(place: Ground, seed: int) -> None:
    way, chance = place.ready(WAYS[seed % len(WAYS)]), random.Random(f"crowd {seed}")
    before = refused(place, way)
    try:
        limit(place, way, LIMIT)
        # Who registers a migration is told at once; who runs one waits. A pipelined one begins one after the other.
        begin = begun_and_cut_off if way.way in ("import file", "pipelined") else begun_without_any
        processes = begin(place, way, chance)
        with crowded(way, chance) as turned_away:
            limit(place, way, LIMIT)
            way.finish(processes)
    finally:
        limit(place, way, -1)
    assert refused(place, way) - before > turned_away[0], "we were never turned away"
    way.assert_each_row_once()


@pytest.mark.parametrize("seed", seeds())
def test_timeouts_of_the_role_are_not_ours(place: Ground, seed: int) -> None:
    """The role has milliseconds for a statement, a lock and a transaction; rows are held up for longer."""
    way, chance = place.ready(WAYS[(seed + 1) % len(WAYS)]), random.Random(f"timeout {seed}")
    milliseconds = chance.randint(100, 300)
    names = ("statement_timeout", "lock_timeout", "transaction_timeout", "idle_in_transaction_session_timeout")
    server, role = place.target_server.endpoint(), way.target.user
    for name in names:
        drive.execute(server, f"ALTER ROLE {role} SET {name} = '{milliseconds}ms'")
    try:
        with pytest.raises((psycopg.errors.QueryCanceled, psycopg.errors.TransactionTimeout)):
            drive.execute(way.target, "SELECT pg_sleep(5)")
        # Reading is let through: the way is looked at before it is taken.
        with locked(way.judged, chance.choice(NAMES), "SHARE"):
            processes = way.begin()
            wait_until(lambda: drive.fetch(way.judged, COPY_WAITS) != [])
            time.sleep(milliseconds / 1000 * 2)
            assert drive.fetch(way.judged, COPY_WAITS)
        way.finish(processes)
    finally:
        drive.execute(server, f"ALTER ROLE {role} RESET ALL")
    way.assert_each_row_once()


@pytest.mark.parametrize("seed", seeds(fast=2))
def test_a_statement_that_was_cancelled_is_told_and_tried_again(place: Ground, seed: int) -> None:
    """What somebody, or somebody's timeout, cancels at the server in spite of that."""
    way, chance = place.ready(WAYS[(seed + 3) % len(WAYS)]), random.Random(f"cancel {seed}")
    cancel = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'COPY%'"
    with locked(way.judged, chance.choice(NAMES), "SHARE"):
        processes = way.begin()
        # Twice: parts of a stream that were sent together are sent one by one after the first time.
        for _ in range(2):
            wait_until(lambda: (True,) in drive.fetch(way.judged, cancel))
            time.sleep(0.3)
    told = way.finish(processes)
    assert "cancel" in told
    assert "Trying again" in told
    way.assert_each_row_once()


ALWAYS_CANCELLED = """
CREATE FUNCTION cancelled() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN PERFORM pg_cancel_backend(pg_backend_pid()); PERFORM pg_sleep(5); RETURN new; END';
CREATE TRIGGER cancelled BEFORE INSERT ON keyed FOR EACH ROW EXECUTE FUNCTION cancelled();
ALTER TABLE keyed ENABLE ALWAYS TRIGGER cancelled;
"""


@pytest.mark.parametrize("name", ["import file", pytest.param("import data", marks=pytest.mark.slow)])
def test_a_statement_that_is_cancelled_every_time_ends_the_command_and_names_its_table(
    place: Ground, name: str
) -> None:
    way = place.ready(name)
    drive.execute(way.judged, ALWAYS_CANCELLED)
    told = way.move(8)
    assert re.search(r"Could not load .*rows of .*public\.keyed.*: canceling statement", " ".join(told.split()))
    assert f"tried {TIMES_CANCELLED} times" in told
    assert "statement_timeout" in told
    drive.execute(way.judged, "DROP FUNCTION cancelled() CASCADE")
    way.go_on()
    way.assert_each_row_once()
