"""Rows that the target refuses while they are streamed: set aside once each, and read from the source again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from voyager.data_file import ChunkWriter
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, Interrupted, RowsSetAside, UsageError
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.export.stream_parts import StreamVoucher
from voyager.phases.load.kept_rows import KeptRows
from voyager.phases.load.replay import ReplayVoucher

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
    told = path.progress.values()
    counts = {one.table: (one.rows_done, one.rows_quarantined, one.rows_total) for one in told if one.schema}
    assert counts == {"keyless": (5000, 0, 5000), "moods": (4995, 5, 5000), "people": (29992, 8, 30000)}
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


ODD = [(None, "a\tb"), (7, f"{SECRET}\n\\x"), (7, f"{SECRET}\n\\x"), (8, ""), (9, None), (10, "é" * 3000)]
STATE_TABLES = "SELECT relname FROM pg_class WHERE relnamespace = 'ybvoyager'::regnamespace AND relkind = 'r'"


def refuse_odd(path: DataPath) -> None:
    """Rows without a key among others, two of them equal; all odd ones are refused."""
    for end in (path.source, path.target):
        drive.execute(end, "CREATE TABLE public.plain (n int, t text)")
    with drive.connect(path.source) as connection:
        connection.execute("INSERT INTO plain SELECT i, 'usual' FROM generate_series(100, 9000) i")
        connection.cursor().executemany("INSERT INTO plain VALUES (%s, %s)", ODD)
        connection.execute("INSERT INTO plain SELECT i, 'usual' FROM generate_series(9001, 12000) i")
    drive.execute(path.target, "ALTER TABLE plain ADD CONSTRAINT narrow CHECK (n IS NOT NULL AND n > 10)")


def kept(path: DataPath) -> list[Path]:
    return sorted(path.export_dir.data.glob("set-aside/*"))


def test_rows_without_a_key_are_kept_in_a_file_and_loaded_once_as_they_were_streamed(path: DataPath) -> None:
    refuse_odd(path)
    path.export(**STASH, table_list=("plain",), parallel_jobs=1)
    assert content(path.target, "plain") == content(path.source, "plain", "n > 10")
    assert [(file.stat().st_mode & 0o777, file.suffix) for file in kept(path)] == [(0o600, ".json"), (0o600, ".sql")]
    assert kept(path)[0].parent.stat().st_mode & 0o777 == 0o700
    places = "SELECT count(DISTINCT file_offset), min(file), count(key) FROM ybvoyager.quarantined_rows"
    assert drive.fetch(path.target, places) == [(6, f"set-aside/{kept(path)[1].name}", 0)]
    before = content(path.source, "plain")
    drive.execute(path.source, "UPDATE plain SET t = 'changed since'")

    assert path.load(replay_quarantine=True).summary["set_aside"] == {"public.plain": 6}
    assert len(kept(path)) == 2
    drive.execute(path.target, "ALTER TABLE plain DROP CONSTRAINT narrow, ADD CONSTRAINT narrow CHECK (n <> 7)")
    assert path.load(replay_quarantine=True).summary["set_aside"] == {"public.plain": 2}
    drive.execute(path.target, "ALTER TABLE plain DROP CONSTRAINT narrow")
    assert path.load(replay_quarantine=True).problem is None
    assert content(path.target, "plain") == before
    assert kept(path) == []
    assert path.load(replay_quarantine=True).summary["rows"] == 11_907
    assert content(path.target, "plain") == before
    tables = [name for (name,) in drive.fetch(path.target, STATE_TABLES)]
    state = str([drive.fetch(path.target, f"SELECT one::text FROM ybvoyager.{name} AS one") for name in tables])
    assert "narrow" in state
    assert SECRET not in state + str(path.warnings)


def test_a_damaged_file_of_rows_without_a_key_is_said_and_never_loaded(path: DataPath) -> None:
    refuse_odd(path)
    path.export(**STASH, table_list=("plain",), parallel_jobs=1)
    file = kept(path)[1]
    file.write_bytes(file.read_bytes().replace(b"8\t", b"9\t"))
    drive.execute(path.target, "ALTER TABLE plain DROP CONSTRAINT narrow")
    problem = path.load(replay_quarantine=True).problem
    assert isinstance(problem, BlockersFound)
    assert problem.message.startswith("6 rows set aside cannot be loaded again")
    assert problem.details == ("public.plain: 6 rows without a key or a file",)
    assert content(path.target, "plain") == content(path.source, "plain", "n > 10")
    path.load(discard_quarantine=True)
    assert kept(path) == []


@pytest.mark.parametrize("moment", ["before COMMIT", "after COMMIT", "in the middle"])
def test_a_part_that_is_cut_off_while_its_rows_are_kept_leaves_each_of_them_once(
    path: DataPath, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The connection breaks at that moment, and then the process ends: the next one finds its files."""
    refuse_odd(path)
    fired: list[str] = []
    finish, add = StreamVoucher.finish, KeptRows.add

    async def cut(self: StreamVoucher, execute: Any, received: Any) -> None:
        await finish(self, execute, received)
        if self.aside is not None and moment != "in the middle":
            fired.append(moment)
            if moment == "after COMMIT":
                await execute("COMMIT")
            raise Interrupted("cut by the test")

    def cut_in_the_middle(self: KeptRows, text: bytes) -> int:
        if moment == "in the middle" and self._size:
            fired.append(moment)
            raise Interrupted("cut by the test")
        return add(self, text)

    with monkeypatch.context() as patched:
        patched.setattr(StreamVoucher, "finish", cut)
        patched.setattr(KeptRows, "add", cut_in_the_middle)
        # As after SIGKILL: nobody removes what was written.
        patched.setattr(ChunkWriter, "discard", lambda _: None)
        with pytest.raises(Interrupted):
            path.export(**STASH, table_list=("plain",), parallel_jobs=1)
    assert fired == [moment]
    assert kept(path)
    path.export(**STASH, table_list=("plain",))
    assert drive.fetch(path.target, "SELECT count(*) FROM ybvoyager.quarantined_rows") == [(6,)]
    assert len(kept(path)) == 2
    drive.execute(path.target, "ALTER TABLE plain DROP CONSTRAINT narrow")
    path.load(replay_quarantine=True)
    assert content(path.target, "plain") == content(path.source, "plain")
    assert kept(path) == []


@pytest.mark.parametrize(
    ("moment", "ends"), [("before COMMIT", False), ("after COMMIT", False), ("after COMMIT", True)]
)
def test_a_replay_from_a_file_that_is_cut_off_around_its_commit_loads_each_row_once(
    path: DataPath, monkeypatch: pytest.MonkeyPatch, moment: str, ends: bool
) -> None:
    refuse_odd(path)
    path.export(**STASH, table_list=("plain",))
    drive.execute(path.target, "ALTER TABLE plain DROP CONSTRAINT narrow")
    fired: list[str] = []
    finish = ReplayVoucher.finish

    async def cut(self: ReplayVoucher, execute: Any, filled: Any) -> None:
        await finish(self, execute, filled)
        if not fired:
            fired.append(moment)
            if moment == "after COMMIT":
                await execute("COMMIT")
            raise Interrupted("cut by the test") if ends else ConnectionResetError("cut by the test")

    with monkeypatch.context() as patched:
        patched.setattr(ReplayVoucher, "finish", cut)
        if ends:
            with pytest.raises(Interrupted):
                path.load(replay_quarantine=True)
        else:
            path.load(replay_quarantine=True)
    assert fired == [moment]
    assert path.load(replay_quarantine=True).problem is None
    assert content(path.target, "plain") == content(path.source, "plain")
    assert kept(path) == []


def test_what_the_source_does_not_have_or_cannot_name_is_said_and_the_rest_is_loaded(path: DataPath) -> None:
    drive.execute(path.target, "ALTER TABLE keyless ADD CONSTRAINT narrow CHECK (n <> 17)")
    path.export(**STASH)
    for file in kept(path):
        file.unlink()
    drive.execute(path.source, "DELETE FROM people WHERE id = 500")
    drive.execute(path.target, WIDEN + "; ALTER TABLE keyless DROP CONSTRAINT narrow")
    problem = path.load(replay_quarantine=True).problem
    assert isinstance(problem, BlockersFound)
    assert problem.message.startswith("2 rows set aside cannot be loaded again")
    assert problem.details == (
        "public.people: 1 row not in the source any more",
        "public.keyless: 1 row without a key or a file",
    )
    assert "--discard-quarantine" in problem.hint
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
