"""Two readings of the write counters tell whether a table was written between them; when in doubt they differ."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from tests import drive
from tests.faults.driver import wait_until
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.identifiers import TableName
from voyager.ports import WriteCounter
from voyager.postgres import counters
from voyager.sources.postgresql.source import PostgresSource

T, OTHER = TableName("public", "t"), TableName("public", "Oth'er \"%s")


@pytest.fixture
def source(source_server: Server, fresh_database: Callable[..., Endpoint]) -> Iterator[PostgresSource]:
    endpoint = fresh_database(source_server)
    drive.execute(endpoint, f"CREATE TABLE {T.sql} (a int); CREATE TABLE {OTHER.sql} (a int)")
    source = PostgresSource(endpoint)
    yield source
    source.close()


def read(source: PostgresSource) -> dict[TableName, WriteCounter]:
    counters = source.write_counters([T, OTHER])
    assert counters is not None
    assert counters.keys() == {T, OTHER}
    return counters


def test_a_table_that_nobody_writes_keeps_its_counters_under_vacuum_and_reads(source: PostgresSource) -> None:
    drive.execute(source.endpoint, f"INSERT INTO {T.sql} SELECT generate_series(1, 100)")
    before = read(source)
    drive.execute(source.endpoint, f"VACUUM ANALYZE {T.sql}")
    drive.execute(source.endpoint, f"SELECT count(*) FROM {T.sql}; CREATE INDEX ON {T.sql} (a)")
    assert read(source) == before


CHANGES = (
    "INSERT INTO {t} VALUES (9)",
    "UPDATE {t} SET a = a",
    "DELETE FROM {t}",
    "TRUNCATE {t}",
    "VACUUM FULL {t}",
    "ALTER TABLE {t} ALTER a TYPE bigint",
)


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_writes_or_rewrites_a_table_shows_in_its_counter_alone(source: PostgresSource, change: str) -> None:
    drive.execute(source.endpoint, f"INSERT INTO {T.sql} VALUES (1)")
    before = read(source)
    drive.execute(source.endpoint, change.format(t=T.sql))
    after = read(source)
    assert after[T] != before[T]
    assert after[OTHER] == before[OTHER]


@pytest.mark.slow
def test_the_writes_of_a_session_that_stays_connected_are_waited_for(source: PostgresSource) -> None:
    before = read(source)
    with drive.connect(replace(source.endpoint, options=(("application_name", "app"),))) as application:
        # The second of two writes within a second is kept back by the session for up to ten.
        application.execute(f"INSERT INTO {OTHER.sql} VALUES (1)".encode())
        application.execute(f"INSERT INTO {T.sql} VALUES (1)".encode())
        started = time.monotonic()
        after = read(source)
    assert time.monotonic() - started < 12
    assert after[T].writes == before[T].writes + 1
    assert after[OTHER].writes == before[OTHER].writes + 1


@pytest.mark.usefixtures("_handed_in_soon")
def test_a_write_that_is_not_committed_yet_equals_nothing(source: PostgresSource) -> None:
    before = read(source)
    with drive.connect(source.endpoint) as application, application.transaction(force_rollback=True):
        application.execute(f"INSERT INTO {T.sql} VALUES (1)".encode())
        first, second = read(source), read(source)
    assert first[T] != before[T]
    assert first[T] != second[T]
    assert first[OTHER] == second[OTHER] == before[OTHER]


@pytest.fixture
def _handed_in_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What idle sessions do after ten seconds is not what these tests are about."""
    monkeypatch.setattr(counters, "_HANDED_IN_AFTER", 0.5)


@contextmanager
def busy(source: PostgresSource, *statements: str) -> Iterator[str]:
    """A session of an application that runs statements, and then one that is not over before the block; its pid."""
    with drive.connect(source.endpoint) as gate, ThreadPoolExecutor(1) as pool:
        gate.execute("SELECT pg_advisory_lock(77)")
        application = drive.connect(replace(source.endpoint, options=(("application_name", "app"),)))
        for statement in statements:
            application.execute(statement.encode())
        held = pool.submit(application.execute, b"SELECT pg_advisory_lock(77)")
        pid = str(application.info.backend_pid)
        waiting = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: drive.fetch(source.endpoint, waiting, [pid]) == [("Lock",)])
        yield pid
        gate.execute("SELECT pg_advisory_unlock(77)")
        held.result(60)
        application.close()


def now(source: PostgresSource) -> datetime:
    return datetime.fromisoformat(str(drive.fetch(source.endpoint, "SELECT clock_timestamp()")[0][0]))


COMMITS = """
    CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_lock(77); INSERT INTO public.t VALUES (1); COMMIT; PERFORM pg_advisory_lock(78);
    END $$"""


@pytest.mark.usefixtures("_handed_in_soon")
def test_what_a_session_wrote_before_a_long_statement_is_not_known_and_the_session_is_named(
    source: PostgresSource,
) -> None:
    since, before = now(source), read(source)
    # The second of two writes within a second is kept back, and until the statement after it is over.
    with busy(source, f"INSERT INTO {OTHER.sql} VALUES (1)", f"INSERT INTO {T.sql} VALUES (1)") as pid:
        assert drive.fetch(source.endpoint, f"SELECT count(*) FROM {T.sql}") == [(1,)]
        known = source.write_counters([T, OTHER])
        assert known is not None
        assert known[T].writes == before[T].writes
        assert source.write_counters([T, OTHER], since=since) is None
        unreported = source.read_unreported(since)
        assert [one.split(", active since ")[0] for one in unreported.busy] == [f"pid {pid} (app, role postgres)"]
        assert unreported.hidden == ()
        # It did nothing else since then: a comparison with a later reading may be decided.
        assert source.write_counters([T, OTHER], since=now(source)) is not None
    assert source.write_counters([T, OTHER], since=since) not in (None, before)


@pytest.mark.usefixtures("_handed_in_soon")
def test_a_procedure_that_committed_and_goes_on_may_have_written_as_well(source: PostgresSource) -> None:
    drive.execute(source.endpoint, COMMITS)
    with drive.connect(source.endpoint) as gate, drive.connect(source.endpoint) as app, ThreadPoolExecutor(1) as pool:
        gate.execute("SELECT pg_advisory_lock(77), pg_advisory_lock(78)")
        held = pool.submit(app.execute, b"CALL commits()")
        waits = "SELECT wait_event_type FROM pg_stat_activity WHERE pid = %s"
        wait_until(lambda: drive.fetch(source.endpoint, waits, [app.info.backend_pid]) == [("Lock",)])
        since = now(source)
        assert source.write_counters([T], since=since) is not None
        gate.execute("SELECT pg_advisory_unlock(77)")
        wait_until(lambda: drive.fetch(source.endpoint, f"SELECT count(*) FROM {T.sql}") == [(1,)])
        assert source.write_counters([T], since=since) is None
        gate.execute("SELECT pg_advisory_unlock(78)")
        held.result(60)


@pytest.mark.usefixtures("_handed_in_soon")
def test_of_sessions_that_may_not_be_seen_nothing_is_known(source: PostgresSource) -> None:
    since = now(source)
    drive.execute(source.endpoint, "DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN PASSWORD 'x'")
    blind = PostgresSource(replace(source.endpoint, user="blind", password="x"))
    with drive.connect(source.endpoint) as application:
        assert blind.write_counters([T]) is not None
        assert blind.write_counters([T], since=since) is None
        unreported = blind.read_unreported(since)
        assert unreported.busy == ()
        assert [one.split(" ")[1] for one in unreported.hidden] == [str(application.info.backend_pid)]
        drive.execute(source.endpoint, unreported.grant)
        assert blind.write_counters([T], since=since) is not None
    blind.close()


def test_lost_counters_equal_nothing_read_before(own_server: Callable[..., Server]) -> None:
    server = own_server()
    drive.execute(server.endpoint(), f"CREATE TABLE {T.sql} (a int); CREATE TABLE {OTHER.sql} (a int)")
    source = PostgresSource(server.endpoint())
    before = read(source)
    drive.execute(server.endpoint(), "SELECT pg_stat_reset()")
    reset = read(source)
    assert reset[OTHER] != before[OTHER]
    server.restart("fast")
    assert read(source) == reset
    server.restart("immediate")
    assert read(source)[OTHER] != reset[OTHER]
    source.close()


def test_a_server_that_does_not_count_cannot_tell(own_server: Callable[..., Server]) -> None:
    server = own_server(settings={"track_counts": "off"})
    source = PostgresSource(server.endpoint())
    assert source.write_counters([T]) is None
    source.close()


def test_a_dropped_table_is_missing_from_the_answer(source: PostgresSource) -> None:
    drive.execute(source.endpoint, f"DROP TABLE {T.sql}")
    counters = source.write_counters([T, OTHER])
    assert counters is not None
    assert counters.keys() == {OTHER}


PARTITIONED = """
    CREATE TABLE parts (a int, b int) PARTITION BY RANGE (a); CREATE TABLE low PARTITION OF parts DEFAULT;
    CREATE TABLE high PARTITION OF parts FOR VALUES FROM (10) TO (20) PARTITION BY LIST (b);
    CREATE TABLE leaf PARTITION OF high DEFAULT; INSERT INTO parts VALUES (1, 1), (11, 1)
"""


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO parts VALUES (2, 2)",
        "UPDATE leaf SET b = 2",
        "TRUNCATE low",
        "CREATE TABLE one PARTITION OF high FOR VALUES IN (7)",
        "ALTER TABLE parts DETACH PARTITION low",
    ],
)
def test_a_table_that_is_partitioned_counts_what_its_partitions_count(source: PostgresSource, change: str) -> None:
    drive.execute(source.endpoint, PARTITIONED)
    parts = TableName("public", "parts")
    before = source.write_counters([parts])
    assert before == source.write_counters([parts])
    assert before is not None
    assert before[parts].writes == 2
    drive.execute(source.endpoint, change)
    after = source.write_counters([parts])
    assert after is not None
    assert after[parts] != before[parts]


def test_a_first_look_waits_for_nobody(source: PostgresSource) -> None:
    with drive.connect(source.endpoint) as application:
        application.execute(f"INSERT INTO {T.sql} VALUES (1)".encode())
        started = time.monotonic()
        assert source.write_counters([T], settled=False) is not None
    assert time.monotonic() - started < 9  # it would be ten
