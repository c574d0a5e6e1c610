"""Rows that the target refuses while they are streamed: set aside once each, and read from the source again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, Interrupted, RowsSetAside, UsageError
from voyager.phases.export.attempt import ExportAttempt

SECRET = "secret-of-row-"
DDL = """
CREATE TYPE public.mood AS ENUM ('sad', 'glad');
CREATE TABLE public.people (id int, part text, age int, note text, PRIMARY KEY (part, id));
CREATE TABLE public.moods (id int PRIMARY KEY, m public.mood, n bigint);
CREATE TABLE public.keyless (n bigint);
"""
ROWS = f"""
INSERT INTO people SELECT i, E'p\\\\''\\t' || i % 3, i % 90, '{SECRET}' || i FROM generate_series(1, 30000) i;
INSERT INTO moods SELECT i, 'glad', i FROM generate_series(1, 5000) i;
INSERT INTO keyless SELECT i FROM generate_series(1, 5000) i;
"""
BAD = (1, 2, 3, 500, 9999, 10000, 29999, 30000)
# The first table travels in binary, the second as text.
NARROW = f"""
ALTER TABLE people ADD CONSTRAINT narrow CHECK (id NOT IN ({", ".join(map(str, BAD))}));
ALTER TABLE moods ADD CONSTRAINT narrow CHECK (n % 1000 <> 7);
"""
WIDEN = "ALTER TABLE people DROP CONSTRAINT narrow; ALTER TABLE moods DROP CONSTRAINT narrow"
STASH: dict[str, Any] = {"stream": True, "error_policy": "stash-and-continue", "chunk_size": "256KB"}


@pytest.fixture
def path(
    source_server: Server,
    target_server: Server,
    fresh_database: Callable[..., Endpoint],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> DataPath:
    without_post_data(monkeypatch)
    source, target = fresh_database(source_server), fresh_database(target_server)
    for end in (source, target):
        drive.execute(end, DDL)
    drive.execute(source, ROWS)
    drive.execute(target, NARROW)
    return DataPath(source, target, tmp_path / "e")


def content(endpoint: Endpoint, table: str, condition: str = "true") -> list[tuple[Any, ...]]:
    sql = f"""SELECT count(*), md5(string_agg(one::text, '|' ORDER BY one::text COLLATE "C"))
              FROM public.{table} AS one WHERE {condition}"""
    return drive.fetch(endpoint, sql)


def assert_all_but_the_bad(path: DataPath) -> None:
    bad = ", ".join(map(str, BAD))
    assert content(path.target, "people") == content(path.source, "people", f"id NOT IN ({bad})")
    assert content(path.target, "moods") == content(path.source, "moods", "n % 1000 <> 7")
    assert content(path.target, "keyless") == content(path.source, "keyless")
    kept = "SELECT key ->> 'part', (key ->> 'id')::int FROM ybvoyager.quarantined_rows WHERE table_name = 'people'"
    there = f"SELECT part, id FROM people WHERE id IN ({bad})"
    assert sorted(drive.fetch(path.target, kept)) == sorted(drive.fetch(path.source, there))
    accounts = drive.fetch(
        path.target,
        "SELECT table_name, sum(rows)::int, sum(quarantined)::int FROM ybvoyager.import_batches GROUP BY 1 ORDER BY 1",
    )
    assert accounts == [("keyless", 5000, 0), ("moods", 4995, 5), ("people", 29992, 8)]


def assert_equal(path: DataPath) -> None:
    for table in ("people", "moods", "keyless"):
        assert content(path.target, table) == content(path.source, table)


def test_rows_at_fault_are_set_aside_and_all_others_arrive(path: DataPath) -> None:
    outcome = path.export(**STASH)
    assert isinstance(outcome.problem, RowsSetAside)
    assert outcome.summary["rows_set_aside"] == {"public.moods": 5, "public.people": 8}
    assert outcome.summary["rows"] == 39987
    assert_all_but_the_bad(path)
    places = drive.fetch(
        path.target,
        "SELECT file, row_in_block, reason, sqlstate, row_values, status, phase FROM ybvoyager.quarantined_rows "
        "WHERE table_name = 'people' AND key ->> 'id' = '2'",
    )
    ((file, row, reason, state, values, status, phase),) = places
    assert (file, row, state) == ("part 0 of public.people, streamed", 1, "23514")
    assert (values, status, phase) == (None, "set_aside", "IMPORT_DATA")
    assert "narrow" in reason
    assert SECRET not in str(path.warnings) + str(outcome)

    imported = path.load()
    assert isinstance(imported.problem, RowsSetAside)
    assert imported.summary["set_aside"] == {"public.moods": 5, "public.people": 8}
    assert_all_but_the_bad(path)


def test_they_are_read_from_the_source_again_and_loaded_once(path: DataPath) -> None:
    path.export(**STASH)
    still = path.load(replay_quarantine=True)
    assert still.summary["set_aside"] == {"public.moods": 5, "public.people": 8}
    assert_all_but_the_bad(path)
    drive.execute(path.target, "ALTER TABLE people DROP CONSTRAINT narrow")
    assert path.load(replay_quarantine=True).summary["set_aside"] == {"public.moods": 5}
    drive.execute(path.target, "ALTER TABLE moods DROP CONSTRAINT narrow")
    assert path.load(replay_quarantine=True).problem is None
    assert_equal(path)
    assert path.load(replay_quarantine=True).summary["rows"] == 40_000
    assert_equal(path)


def test_what_the_source_does_not_have_or_cannot_name_is_said_and_the_rest_is_loaded(path: DataPath) -> None:
    drive.execute(path.target, "ALTER TABLE keyless ADD CONSTRAINT narrow CHECK (n <> 17)")
    path.export(**STASH)
    drive.execute(path.source, "DELETE FROM people WHERE id = 500")
    drive.execute(path.target, WIDEN + "; ALTER TABLE keyless DROP CONSTRAINT narrow")
    with pytest.raises(BlockersFound, match="2 rows set aside cannot be loaded again") as caught:
        path.load(replay_quarantine=True)
    assert caught.value.details == (
        "public.people: 1 row not in the source any more",
        "public.keyless: 1 row without a key",
    )
    assert "--discard-quarantine" in caught.value.hint
    assert content(path.target, "people") == content(path.source, "people")
    assert content(path.target, "keyless") == content(path.source, "keyless", "n <> 17")
    given_up = path.load(discard_quarantine=True)
    assert given_up.problem is None
    assert given_up.summary["discarded"] == {"public.keyless": 1, "public.people": 1}


def test_too_many_of_a_table_stop_it_and_the_next_run_goes_on(path: DataPath) -> None:
    with pytest.raises(BlockersFound, match=r"more than 6 rows of public\.people"):
        path.export(**STASH, max_quarantined=6)
    assert content(path.target, "moods") == content(path.source, "moods", "n % 1000 <> 7")
    path.export(**STASH, max_quarantined=8)
    assert_all_but_the_bad(path)


def test_an_interrupted_one_goes_on_and_a_table_that_was_written_since_is_set_aside_anew(path: DataPath) -> None:
    seen = 0

    def stop() -> None:
        nonlocal seen
        seen = max(seen, drive.fetch(path.target, "SELECT count(*) FROM ybvoyager.quarantined_rows")[0][0])
        if seen >= 3:
            raise Interrupted("Stopped.", "")

    path.checkpoint = stop
    with pytest.raises(Interrupted):
        path.export(**STASH, table_list=("people",), parallel_jobs=1)
    assert seen >= 3
    path.checkpoint = lambda: None
    # What was in is emptied and read anew, and what was set aside of it with it.
    drive.execute(path.source, "UPDATE people SET note = 'new' WHERE id IN (3, 4)")
    path.export(**STASH, table_list=("people",))
    bad = ", ".join(map(str, BAD))
    assert content(path.target, "people") == content(path.source, "people", f"id NOT IN ({bad})")
    assert drive.fetch(path.target, "SELECT count(*) FROM ybvoyager.quarantined_rows") == [(len(BAD),)]
    drive.execute(path.target, WIDEN)
    path.load(replay_quarantine=True)
    assert content(path.target, "people") == content(path.source, "people")


def test_a_policy_for_refused_rows_needs_a_target_that_can_refuse(path: DataPath) -> None:
    with pytest.raises(UsageError, match="files take every row"):
        path.export(error_policy="stash-and-continue")
    with pytest.raises(UsageError, match="--error-policy is 'skip'"):
        path.export(stream=True, error_policy="skip")
    assert ExportAttempt.load(path.export_dir.data) is None
