"""Rows that the target refuses are set aside, each once and named without its values; all others are loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from voyager.data_file import ChunkManifest, ChunkReader
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, DamagedFile, DatabaseAway, Interrupted, RowsSetAside, UsageError

STASH = "stash-and-continue"
SECRET = "secret-of-row-"

SOURCE = f"""
CREATE TABLE public.people (id int PRIMARY KEY, name text NOT NULL, age bigint, note text);
INSERT INTO public.people SELECT i, 'n' || i, i % 90, '{SECRET}' || i FROM generate_series(1, 30000) i;
CREATE TABLE public.visits (page text, n bigint);
INSERT INTO public.visits SELECT 'p' || i % 7, i FROM generate_series(1, 5000) i;
"""
TARGET = """
CREATE TABLE public.people (id int PRIMARY KEY, name text NOT NULL, age int, note text);
CREATE TABLE public.visits (page text, n int);
"""


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
    drive.execute(source, SOURCE)
    drive.execute(target, TARGET)
    return DataPath(source, target, tmp_path / "e")


def spoil(path: DataPath, sql: str, **options: Any) -> None:
    """Make rows of the source such that the target refuses them, and export."""
    drive.execute(path.source, sql)
    path.export(**options)


def too_old(*ids: int) -> str:
    """Ages that the target's column does not hold, of rows that stay where they are in the file."""
    chosen = ", ".join(map(str, ids))
    return f"UPDATE people SET age = 9999999999 + id WHERE id IN ({chosen}); CLUSTER people USING people_pkey"


def set_aside(path: DataPath, columns: str = "key ->> 'id'", status: str = "set_aside") -> list[Any]:
    sql = f"SELECT {columns} FROM ybvoyager.quarantined_rows WHERE status = %s ORDER BY schema_name, table_name, 1"
    rows = drive.fetch(path.target, sql, [status])
    return [row[0] if len(row) == 1 else row for row in rows]


def content(endpoint: Endpoint, table: str, condition: str = "true") -> list[tuple[Any, ...]]:
    sql = f"""SELECT count(*), md5(string_agg(one::text, '|' ORDER BY one::text COLLATE "C"))
              FROM public.{table} AS one WHERE {condition}"""
    return drive.fetch(endpoint, sql)


def accounts(path: DataPath) -> dict[str, tuple[int, int]]:
    """Rows and rows set aside, by the ledger."""
    rows = drive.fetch(
        path.target,
        "SELECT table_name, sum(rows)::int, sum(quarantined)::int FROM ybvoyager.import_batches GROUP BY 1",
    )
    return {table: (loaded, aside) for table, loaded, aside in rows}


def test_abort_is_the_default_and_loads_nothing_of_the_batch(path: DataPath) -> None:
    spoil(path, too_old(17))
    with pytest.raises(BlockersFound, match=r"refused .*row \d+ of the batch, column age") as caught:
        path.load()
    assert "stash-and-continue" in caught.value.hint
    assert "9999999999" not in str(caught.value) + str(path.warnings)
    assert set_aside(path) == []
    assert drive.fetch(path.target, "SELECT count(*) FROM visits") == [(5000,)]


def test_rows_at_fault_are_set_aside_and_all_others_are_loaded(path: DataPath) -> None:
    bad = (1, 2, 3, 500, 501, 9999, 20000, 20001, 29999, 30000)
    spoil(path, too_old(*bad))
    outcome = path.load(error_policy=STASH)
    assert sorted(map(int, set_aside(path))) == sorted(bad)
    others = f"id NOT IN ({', '.join(map(str, bad))})"
    assert content(path.target, "people") == content(path.source, "people", others)
    assert content(path.target, "visits") == content(path.source, "visits")
    assert accounts(path) == {"people": (29990, 10), "visits": (5000, 0)}
    assert isinstance(outcome.problem, RowsSetAside)
    assert outcome.summary["set_aside"] == {"public.people": 10}
    assert outcome.summary["rows"] == 34990
    assert "10 rows of public.people" in outcome.headline
    standing = path.progress["public.people"]
    assert (standing.rows_done, standing.rows_quarantined, standing.status) == (29990, 10, "DONE")
    # The next run finds nothing to do and says the same.
    assert path.load(error_policy=STASH).summary["set_aside"] == {"public.people": 10}
    assert len(set_aside(path)) == 10


@pytest.mark.parametrize("compression", [pytest.param("none", marks=pytest.mark.slow), "zstd"])
def test_a_row_set_aside_is_named_by_key_reason_and_place(path: DataPath, compression: str) -> None:
    spoil(path, too_old(20_123), compression=compression)
    path.load(error_policy=STASH)
    ((schema, table, key, reason, state, file, offset, chunk, block, row, values),) = drive.fetch(
        path.target,
        "SELECT schema_name, table_name, key, reason, sqlstate, file, file_offset, chunk_id, block, row_in_block, "
        "row_values FROM ybvoyager.quarantined_rows",
    )
    assert (schema, table, key, state, values) == ("public", "people", {"id": "20123"}, "22003", None)
    assert "column age" in reason
    manifest = ChunkManifest.load(path.export_dir.data / f"{chunk}.manifest.json")
    assert (manifest.data_name, manifest.blocks[block].offset) == (file, offset)
    with ChunkReader(path.export_dir.data, manifest) as reader:
        lines = b"".join(bytes(piece) for piece in reader.pieces(manifest.blocks[block])).splitlines()
    assert lines[row].split(b"\t")[0] == b"20123"


def test_no_value_but_the_key_is_kept_or_said(path: DataPath) -> None:
    spoil(path, too_old(7, 8) + f"; INSERT INTO visits VALUES ('{SECRET}x', 99999999999)")
    outcome = path.load(error_policy=STASH)
    kept = json.dumps(drive.fetch(path.target, "SELECT to_jsonb(q) FROM ybvoyager.quarantined_rows q"))
    said = kept + str(path.warnings) + str(outcome) + str(path.progress)
    for value in (SECRET, "10000000006", "10000000007", "99999999999"):
        assert value not in said


@pytest.mark.slow
def test_values_are_kept_when_they_are_asked_for(path: DataPath) -> None:
    spoil(path, too_old(7) + r"; UPDATE public.people SET note = E'a\tb\\n\nc', name = 'é' WHERE id = 7")
    path.load(error_policy=STASH, quarantine_values=True)
    assert set_aside(path, "row_values") == [{"id": "7", "name": "é", "age": "10000000006", "note": "a\tb\\n\nc"}]


def test_a_table_without_a_key_has_its_rows_set_aside_by_place(path: DataPath) -> None:
    spoil(path, "UPDATE visits SET n = 5000000000 WHERE n IN (100, 200)")
    path.load(error_policy=STASH)
    assert set_aside(path, "key") == [None, None]
    assert content(path.target, "visits") == content(path.source, "visits", "n < 5000000000")
    assert len(set(set_aside(path, "row_in_block"))) == 2


CONSTRAINTS = {
    "not null": ("ALTER TABLE people ALTER note SET NOT NULL", "UPDATE people SET note = NULL WHERE id = 77", "23502"),
    "check": ("ALTER TABLE people ADD CHECK (age < 1000)", "UPDATE people SET age = 1000 WHERE id = 77", "23514"),
    "unique": (
        "ALTER TABLE people ADD UNIQUE (name)", "UPDATE people SET name = 'n76' WHERE id = 77", "23505"),
    "deferred unique": (
        "ALTER TABLE people ADD UNIQUE (name) DEFERRABLE INITIALLY DEFERRED",
        "UPDATE people SET name = 'n76' WHERE id = 77", "23505"),
    "length": ("ALTER TABLE people ALTER name TYPE varchar(9)",
               "UPDATE people SET name = 'too long a name' WHERE id = 77", "22001"),
    "syntax of a type": ("ALTER TABLE people ALTER note TYPE uuid USING NULL, ALTER note DROP NOT NULL",
                         "UPDATE people SET note = CASE WHEN id = 77 THEN 'x' END", "22P02"),
    "a name that is not there": ("ALTER TABLE people ALTER note TYPE regclass USING NULL",
                                 "UPDATE people SET note = CASE WHEN id = 77 THEN 'no_such_table' END", "42P01"),
    "longer than an index takes": (
        "CREATE INDEX ON people (note)",
        "UPDATE people SET note = (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 900) i) WHERE id = 77",
        "54000"),
}  # fmt: skip


QUICK = ("deferred unique", "a name that is not there", "longer than an index takes")


@pytest.mark.parametrize(
    "kind", [kind if kind in QUICK else pytest.param(kind, marks=pytest.mark.slow) for kind in CONSTRAINTS]
)
def test_whatever_refuses_a_row_it_is_found(path: DataPath, kind: str) -> None:
    at_target, at_source, state = CONSTRAINTS[kind]
    drive.execute(path.target, at_target)
    if kind == "deferred unique":
        path.capabilities = _without(path.capabilities, replication_role=False)
    spoil(path, at_source)
    path.load(error_policy=STASH)
    assert set_aside(path, "key ->> 'id', sqlstate") == [("77", state)]
    assert drive.fetch(path.target, "SELECT count(*), count(*) FILTER (WHERE id = 77) FROM people") == [(29999, 0)]
    reason = set_aside(path, "reason")[0]
    assert not any(value in reason for value in ("no_such_table", "too long a name", "n76"))


def _without(capabilities: Any, **flags: Any) -> Any:
    from dataclasses import replace

    return replace(capabilities, **flags)


@pytest.mark.parametrize("does", ["RETURN NULL", "RAISE EXCEPTION 'no: %', NEW.note"])
def test_a_row_that_a_trigger_leaves_out_or_refuses_is_set_aside(path: DataPath, does: str) -> None:
    drive.execute(
        path.target,
        f"""
        CREATE FUNCTION picky() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN IF NEW.id = 123 THEN {does}; END IF; RETURN NEW; END $$;
        CREATE TRIGGER picky BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION picky();
        ALTER TABLE people ENABLE ALWAYS TRIGGER picky;
        """,
    )
    spoil(path, "")
    path.load(error_policy=STASH)
    assert set_aside(path) == ["123"]
    assert SECRET not in set_aside(path, "reason")[0]
    assert drive.fetch(path.target, "SELECT count(*) FROM people") == [(29999,)]


def test_a_wrong_definition_stops_its_table_early_and_says_so(path: DataPath) -> None:
    drive.execute(path.target, "ALTER TABLE people ALTER name TYPE varchar(1)")
    path.export()
    with pytest.raises(BlockersFound, match=r"more than 50 rows of public\.people") as caught:
        path.load(error_policy=STASH, max_quarantined=50)
    assert "value too long for type character varying(1)" in caught.value.message
    assert set_aside(path) == []
    assert drive.fetch(path.target, "SELECT count(*) FROM people") == [(0,)]
    assert drive.fetch(path.target, "SELECT count(*) FROM visits") == [(5000,)]
    drive.execute(path.target, "ALTER TABLE people ALTER name TYPE text")
    assert path.load(error_policy=STASH).problem is None
    assert content(path.target, "people") == content(path.source, "people")


@pytest.mark.slow
def test_the_limit_counts_what_earlier_runs_set_aside(path: DataPath) -> None:
    spoil(path, too_old(*range(1, 6), *range(25_001, 25_006)), chunk_size="1MB")
    with pytest.raises(BlockersFound, match="more than 7"):
        path.load(error_policy=STASH, max_quarantined=7, parallel_jobs=1)
    assert len(set_aside(path)) == 5
    with pytest.raises(BlockersFound, match="more than 9"):
        path.load(error_policy=STASH, max_quarantined=9, parallel_jobs=1)
    assert len(set_aside(path)) == 5
    path.load(error_policy=STASH, max_quarantined=10, parallel_jobs=1)
    assert len(set_aside(path)) == 10


def test_a_stop_in_the_middle_of_a_search_leaves_nothing_of_the_block(path: DataPath) -> None:
    spoil(path, too_old(*range(100, 10_000, 100)))
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 60:
            raise Interrupted("Stopped.", "")

    path.checkpoint = checkpoint
    with pytest.raises(Interrupted):
        path.load(error_policy=STASH, parallel_jobs=1)
    # The largest table comes first: the search was on when it was stopped.
    assert drive.fetch(path.target, "SELECT count(*) FROM people WHERE id < 10000") == [(0,)]
    assert set_aside(path) == []
    path.checkpoint = lambda: None
    path.load(error_policy=STASH)
    assert len(set_aside(path)) == 99
    assert accounts(path)["people"] == (29901, 99)
    assert content(path.target, "people") == content(path.source, "people", "age < 9999999999")


# Replay


def test_a_replay_goes_on_past_a_table_that_is_gone_and_names_it_at_the_end(path: DataPath) -> None:
    spoil(path, too_old(5, 25_000) + "; UPDATE visits SET n = 5000000000 WHERE n = 1")
    path.load(error_policy=STASH)
    drive.execute(path.target, "DROP TABLE people; ALTER TABLE visits ALTER n TYPE bigint")
    problem = path.load(replay_quarantine=True).problem
    assert isinstance(problem, BlockersFound)
    assert problem.message.startswith("2 rows of public.people that were set aside cannot be loaded")
    assert content(path.target, "visits") == content(path.source, "visits")
    assert sorted(map(int, set_aside(path))) == [5, 25_000]
    assert path.load(replay_quarantine=True, discard_quarantine=True).problem is None
    assert len(set_aside(path, status="discarded")) == 2


def test_a_replay_loads_what_was_set_aside_once_the_definition_is_right(path: DataPath) -> None:
    spoil(path, too_old(5, 25_000) + "; UPDATE people SET name = repeat('x', 99) WHERE id = 6; "
          "UPDATE visits SET n = 5000000000 WHERE n = 1")  # fmt: skip
    drive.execute(path.target, "ALTER TABLE people ALTER name TYPE varchar(20)")
    path.load(error_policy=STASH)
    assert sorted(map(int, filter(None, set_aside(path)))) == [5, 6, 25_000]
    drive.execute(path.target, "ALTER TABLE people ALTER age TYPE bigint; ALTER TABLE visits ALTER n TYPE bigint")
    again = path.load(error_policy=STASH, replay_quarantine=True)
    assert set_aside(path) == ["6"]
    assert len(set_aside(path, status="replayed")) == 3
    assert again.summary["set_aside"] == {"public.people": 1}
    assert content(path.target, "people") == content(path.source, "people", "id <> 6")
    assert content(path.target, "visits") == content(path.source, "visits")
    assert accounts(path) == {"people": (29999, 1), "visits": (5000, 0)}
    drive.execute(path.target, "ALTER TABLE people ALTER name TYPE text")
    last = path.load(replay_quarantine=True)
    assert last.problem is None
    assert last.summary["set_aside"] == {}
    assert content(path.target, "people") == content(path.source, "people")
    assert path.progress["public.people"].rows_quarantined == 0
    path.load(replay_quarantine=True)
    assert any("nothing to replay" in warning for warning in path.warnings)
    assert content(path.target, "people") == content(path.source, "people")


@pytest.mark.slow
def test_a_replay_that_is_refused_again_keeps_the_new_reason(path: DataPath) -> None:
    spoil(path, too_old(5))
    path.load(error_policy=STASH)
    drive.execute(path.target, "ALTER TABLE people ALTER age TYPE bigint, ADD CHECK (age < 1000) NOT VALID")
    again = path.load(replay_quarantine=True)
    assert isinstance(again.problem, RowsSetAside)
    assert set_aside(path, "key ->> 'id', sqlstate") == [("5", "23514")]
    assert "violates check constraint" in set_aside(path, "reason")[0]


def test_a_replay_says_which_files_are_gone_and_loads_the_rest(path: DataPath) -> None:
    spoil(path, too_old(5, 29_000), chunk_size="1MB")
    path.load(error_policy=STASH)
    file = dict(set_aside(path, "key ->> 'id', file"))["5"]
    kept = (path.export_dir.data / file).read_bytes()
    (path.export_dir.data / file).unlink()
    drive.execute(path.target, "ALTER TABLE people ALTER age TYPE bigint")
    problem = path.load(replay_quarantine=True).problem
    assert isinstance(problem, DamagedFile)
    assert problem.message.startswith("1 rows set aside cannot be loaded again")
    assert file in str(problem.details)
    assert set_aside(path) == ["5"]
    (path.export_dir.data / file).write_bytes(kept)
    assert path.load(replay_quarantine=True).problem is None
    assert content(path.target, "people") == content(path.source, "people")


def test_a_file_that_holds_rows_set_aside_is_not_removed_as_loaded(path: DataPath) -> None:
    spoil(path, too_old(5), chunk_size="1MB")
    path.load(error_policy=STASH, discard_loaded=True)
    left = {one.name for one in path.export_dir.data.glob("*_data.sql")}
    assert left == set(set_aside(path, "file"))
    drive.execute(path.target, "ALTER TABLE people ALTER age TYPE bigint")
    path.load(replay_quarantine=True, discard_loaded=True)
    assert content(path.target, "people") == content(path.source, "people")
    assert not list(path.export_dir.data.glob("*_data.sql"))


def test_rows_that_are_given_up_block_nothing_more_and_stay_on_record(path: DataPath) -> None:
    spoil(path, too_old(5, 6))
    path.load(error_policy=STASH)
    given_up = path.load(discard_quarantine=True)
    assert given_up.problem is None
    assert given_up.summary["discarded"] == {"public.people": 2}
    assert len(set_aside(path, status="discarded")) == 2
    assert path.progress["public.people"].rows_quarantined == 0
    assert any("2 rows of public.people" in warning and "given up" in warning for warning in path.warnings)
    assert path.load(replay_quarantine=True).summary["discarded"] == {"public.people": 2}
    assert drive.fetch(path.target, "SELECT count(*) FROM people") == [(29998,)]


@pytest.mark.parametrize(
    "options",
    [
        {"error_policy": "ignore"},
        {"on_primary_key_conflict": "maybe"},
        {"max_quarantined": 0},
        {"fast_load": True, "on_primary_key_conflict": "update"},
        {"fast_load": True},
    ],
)
def test_options_that_mean_nothing_are_refused(path: DataPath, options: dict[str, Any]) -> None:
    path.export()
    with pytest.raises(UsageError):
        path.load(**options)
    assert drive.fetch(path.target, "SELECT count(*) FROM people") == [(0,)]


def test_a_table_that_somebody_locks_holds_up_no_other_and_is_asked_for_rows_when_it_is_free(path: DataPath) -> None:
    path.export()
    drive.execute(path.target, "INSERT INTO people VALUES (-1, 'theirs')")
    with drive.connect(path.target) as holder:
        holder.execute("BEGIN; LOCK TABLE people IN ACCESS EXCLUSIVE MODE")
        released: list[bool] = []

        def checkpoint() -> None:
            done = drive.fetch(path.target, "SELECT count(*) FROM ybvoyager.import_batches WHERE table_name = 'visits'")
            if done != [(0,)] and not released:
                released.append(True)
                holder.execute("COMMIT")

        path.checkpoint = checkpoint
        with pytest.raises(BlockersFound, match=r"public\.people holds rows"):
            path.load(parallel_jobs=2)
    assert content(path.target, "visits") == content(path.source, "visits")


# Tries again


HINDER = """
CREATE SEQUENCE tries;
CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  CASE nextval('public.tries')
    WHEN 1, 2 THEN RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001';
    WHEN 3 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
    WHEN 4 THEN RAISE EXCEPTION 'Catalog Version Mismatch: Try Again' USING ERRCODE = 'XX000';
    WHEN 5 THEN PERFORM pg_terminate_backend(pg_backend_pid());
    ELSE NULL;
  END CASE;
  RETURN NULL; END $$;
CREATE TRIGGER hinder AFTER INSERT ON visits FOR EACH STATEMENT EXECUTE FUNCTION hinder();
ALTER TABLE visits ENABLE ALWAYS TRIGGER hinder;
"""
TRIED = {"catalog": 1, "connection": 1, "deadlock": 1, "serialization": 2}
VISITS_TRIED = ({"schema": "public", "table": "visits", "retries": 5},)


def test_what_is_tried_again_is_counted_by_its_class_and_told(path: DataPath) -> None:
    drive.execute(path.target, HINDER)
    path.export()
    outcome = path.load()
    assert outcome.summary["retries"] == TRIED
    assert (path.paces[-1].retries, path.paces[-1].retried_tables) == (TRIED, VISITS_TRIED)
    assert any("Tried again" in line and "(deadlock)" in line for line in outcome.details)
    assert any("Trying again" in warning for warning in path.warnings)
    assert content(path.target, "visits") == content(path.source, "visits")


def test_what_is_tried_again_while_rows_are_streamed_is_counted_too(path: DataPath) -> None:
    drive.execute(path.target, HINDER)
    outcome = path.export(stream=True)
    assert outcome.summary["retries"] == TRIED
    assert (path.paces[-1].retries, path.paces[-1].retried_tables) == (TRIED, VISITS_TRIED)
    assert content(path.target, "visits") == content(path.source, "visits")


def test_what_fails_again_and_again_is_given_up_and_nothing_of_it_is_in(path: DataPath) -> None:
    drive.execute(
        path.target,
        """
        CREATE FUNCTION hinder() RETURNS trigger LANGUAGE plpgsql AS
          $$ BEGIN RAISE EXCEPTION 'could not serialize' USING ERRCODE = '40001'; END $$;
        CREATE TRIGGER hinder AFTER INSERT ON visits FOR EACH STATEMENT EXECUTE FUNCTION hinder();
        ALTER TABLE visits ENABLE ALWAYS TRIGGER hinder;
        """,
    )
    path.export()
    with pytest.raises(DatabaseAway, match="could not serialize"):
        path.load(error_policy=STASH, outage_budget=0.5)
    assert set_aside(path) == []
    assert drive.fetch(path.target, "SELECT count(*) FROM visits") == [(0,)]
    drive.execute(path.target, "DROP TRIGGER hinder ON visits")
    path.load()
    assert content(path.target, "visits") == content(path.source, "visits")
