"""Export data --stream between real servers: every value arrives as it was, each row once, without a file."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from tests.integration.test_data_path import HOSTILE, ROWS, assert_equal, content
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, Interrupted, LeaseLost, NotAllowed, UsageError
from voyager.phases import export_data, import_data
from voyager.phases.export.attempt import ExportAttempt
from voyager.phases.export.stream_parts import BundleVoucher
from voyager.postgres import bulk
from voyager.sources.postgresql.source import PostgresSource

# The first table travels in binary, the others as text: an enum and an array of it are types of a user.
PLAIN = """
CREATE TYPE public.mood AS ENUM ('sad', 'glad');
CREATE TABLE public.big (id int PRIMARY KEY, n numeric(20, 3), filler text, at timestamptz, tags text[]);
CREATE TABLE public.keyless (a int, m public.mood, ms public.mood[]);
CREATE TABLE public.nothing (a int);
"""
PLAIN_ROWS = """
INSERT INTO public.big SELECT i, i / 7.0, repeat(E'x\\n\\\\', 20), '2024-01-01'::timestamptz + i * interval '1 s',
    ARRAY['a', NULL, i::text] FROM generate_series(1, 60000) i;
INSERT INTO public.keyless SELECT i % 10, 'sad', '{glad,NULL}' FROM generate_series(1, 30000) i;
"""


@pytest.fixture(autouse=True)
def _no_post_data(monkeypatch: pytest.MonkeyPatch) -> None:
    without_post_data(monkeypatch)


@pytest.fixture
def make(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> Callable[..., DataPath]:
    def build(ddl: str = PLAIN, rows: str = PLAIN_ROWS, *, target: Server | None = None, **options: Any) -> DataPath:
        source, into = fresh_database(source_server), fresh_database(target or target_server)
        drive.execute(source, ddl)
        drive.execute(into, ddl)
        drive.execute(source, rows)
        return DataPath(source, into, tmp_path / "export dir", **options)

    return build


@pytest.fixture
def path(make: Callable[..., DataPath]) -> DataPath:
    return make()


BOTH = """
SELECT (SELECT count(*) FROM public.big) + (SELECT count(*) FROM public.keyless),
       (SELECT sum(rows) FROM ybvoyager.import_batches)"""


def files(path: DataPath) -> set[str]:
    return {file.name for file in path.export_dir.data.iterdir()}


def ledger(path: DataPath) -> list[tuple[Any, ...]]:
    return drive.fetch(
        path.target,
        "SELECT schema_name, table_name, chunk_id::text, batch_no, snapshot, rows, xmin::text"
        " FROM ybvoyager.import_batches ORDER BY 1, 2, 3",
    )


def assert_each_row_came_with_its_part(path: DataPath, table: str) -> None:
    """By the target's own transaction numbers: the rows of a transaction are as many as its ledger rows say."""
    said: Counter[str] = Counter()
    for row in ledger(path):
        said[row[6]] += row[5] if f"{row[0]}.{row[1]}" == table else 0
    said = +said
    there = dict(drive.fetch(path.target, f"SELECT xmin::text, count(*) FROM {table} GROUP BY 1"))
    assert said == there


@pytest.mark.parametrize("to_15", [False, True], ids=["same version", "to 15"])
def test_every_value_arrives_as_it_was_and_no_file_is_written(
    make: Callable[..., DataPath], request: pytest.FixtureRequest, to_15: bool
) -> None:
    path = make(HOSTILE, ROWS, target=request.getfixturevalue("pg15_server") if to_15 else None)
    outcome = path.export(stream=True, chunk_size="64KB")
    assert files(path) == {"export.json", "sequences.json"}
    assert_equal(path)
    assert path.load().summary["rows"] == outcome.summary["rows"]
    assert_equal(path)
    assert all(progress.status == "DONE" for progress in path.progress.values())
    assert not path.warnings


def test_parts_travel_each_in_one_transaction_with_its_row_of_the_ledger(path: DataPath) -> None:
    outcome = path.export(stream=True, chunk_size="256KB", parallel_jobs=2)
    assert outcome.summary["streamed"]
    assert outcome.summary["rows"] == 90_000
    assert outcome.summary["parts"] > 20
    assert outcome.summary["file_bytes"] == 0
    assert_equal(path)
    for table in ("public.big", "public.keyless"):
        assert_each_row_came_with_its_part(path, table)
    assert len(ledger(path)) == outcome.summary["parts"]
    assert {row[3] for row in ledger(path)} == {0}


@pytest.fixture
def forms(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """By table: what COPY was told, and the first bytes that it was sent."""
    seen: dict[str, set[str]] = {}
    copy_in = bulk.copy_in

    async def watched(connection: Any, table: Any, columns: Any, source: Any, *, options: str) -> int:
        first = await anext(aiter(source))
        seen.setdefault(table.name, set()).add(f"{options} {bytes(first[:6])!r}")

        async def all_of_it() -> AsyncIterator[bytes]:
            yield first
            async for frame in source:
                yield frame

        return await copy_in(connection, table, columns, all_of_it(), options=options)

    monkeypatch.setattr(bulk, "copy_in", watched)
    return seen


def test_tables_of_built_in_types_travel_in_binary_and_others_as_text(
    path: DataPath, forms: dict[str, set[str]]
) -> None:
    path.export(stream=True, table_list=("big", "keyless"))
    assert forms == {"big": {"FORMAT binary b'PGCOPY'"}, "keyless": {" b'1\\tsad\\t'"}}
    assert content(path.target, "public.big") == content(path.source, "public.big")
    assert content(path.target, "public.keyless") == content(path.source, "public.keyless")


def test_a_target_where_binary_was_never_tried_gets_text(path: DataPath, forms: dict[str, set[str]]) -> None:
    path.capabilities = replace(path.capabilities, binary_copy=False)
    path.export(stream=True, table_list=("big",), chunk_size="1GB")
    assert forms == {"big": {" b'1\\t0.14'"}}
    assert content(path.target, "public.big") == content(path.source, "public.big")


def test_no_copy_is_cut_into_transactions_where_the_server_would(path: DataPath, forms: dict[str, set[str]]) -> None:
    """Plain PostgreSQL refuses the option: what it was told is seen, and no row is in."""
    path.capabilities = replace(path.capabilities, copy_rows_per_transaction=True)
    with pytest.raises(BlockersFound, match="rows_per_transaction"):
        path.export(stream=True, table_list=("big",), parallel_jobs=1)
    assert forms == {"big": {"FORMAT binary, ROWS_PER_TRANSACTION 2147483647 b'PGCOPY'"}}
    assert content(path.target, "public.big")[0] == 0
    assert ledger(path) == []


def test_a_source_that_shares_no_snapshot_streams_over_its_one_connection(
    path: DataPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    probe = PostgresSource.probe
    monkeypatch.setattr(PostgresSource, "probe", lambda self: replace(probe(self), exported_snapshots=False))
    outcome = path.export(stream=True, chunk_size="256KB", parallel_jobs=3)
    assert len(outcome.summary["snapshots"]) == 1
    assert_equal(path)


def test_a_target_column_of_another_type_makes_its_table_travel_as_text(make: Callable[..., DataPath]) -> None:
    path = make(
        "CREATE TABLE public.t (a int, b text);", "INSERT INTO public.t SELECT i, i FROM generate_series(1, 9) i;"
    )
    drive.execute(path.target, "ALTER TABLE public.t ALTER a TYPE bigint, ALTER b TYPE varchar(5)")
    path.export(stream=True)
    assert drive.fetch(path.target, "SELECT sum(a), string_agg(b, '' ORDER BY a) FROM public.t") == [(45, "123456789")]


@pytest.mark.parametrize("form", ["binary", "text"])
def test_a_huge_row_travels(make: Callable[..., DataPath], form: str) -> None:
    kind = "text" if form == "binary" else "public.wide_text"
    path = make(
        f"CREATE DOMAIN public.wide_text AS text; CREATE TABLE public.wide (id int, t {kind});",
        f"INSERT INTO public.wide VALUES (1, 'a'), (2, repeat(E'x\\n\\\\', {16 << 20} / 3)), (3, 'z')",
    )
    outcome = path.export(stream=True)
    assert outcome.summary["bytes"] > 16 << 20
    assert_equal(path)


def test_import_after_it_loads_nothing_and_a_second_run_of_both_changes_nothing(path: DataPath) -> None:
    path.export(stream=True, chunk_size="1MB")
    before = ledger(path)
    outcome = path.load()
    assert outcome.summary["rows"] == 90_000
    path.export(stream=True)
    path.load()
    assert ledger(path) == before
    assert_equal(path)


def test_the_dry_runs_say_what_would_happen_and_change_nothing(path: DataPath) -> None:
    job = path.job("EXPORT_DATA", export_data.Options(stream=True))
    assert "into tables of" in export_data.plan(job)[1]
    path.store.leases.release(job.lease)
    assert files(path) == set()
    path.export(stream=True)
    job = path.job("IMPORT_DATA", import_data.Options())
    assert import_data.plan(job)[0] == "load nothing: export data streamed 90,000 rows already"
    path.store.leases.release(job.lease)


def stop_after(path: DataPath, parts: int) -> None:
    """Have the checkpoint refuse once so many parts are in, as a first Ctrl-C does."""

    def checkpoint() -> None:
        if len(ledger(path)) >= parts:
            raise Interrupted("Stopped at a safe point.")

    path.checkpoint = checkpoint


def interrupted(path: DataPath, *, parts: int = 4, **options: Any) -> list[tuple[Any, ...]]:
    """Stream until a few parts are in; returns the ledger as it is then."""
    stop_after(path, parts)
    with pytest.raises(Interrupted):
        path.export(stream=True, chunk_size="256KB", parallel_jobs=1, **options)
    path.checkpoint = lambda: None
    left = ledger(path)
    assert parts <= len(left) < 20
    return left


SMALL = 80


def many_small(make: Callable[..., DataPath]) -> DataPath:
    tables = "".join(f"CREATE TABLE public.t{number} (id int PRIMARY KEY, name text);" for number in range(SMALL))
    rows = "".join(
        f"INSERT INTO public.t{number} SELECT i, 'n' || i FROM generate_series(1, 50) i;" for number in range(SMALL)
    )
    return make(tables, rows)


def test_small_tables_share_transactions_and_each_has_its_own_row_of_the_ledger(make: Callable[..., DataPath]) -> None:
    path = many_small(make)
    outcome = path.export(stream=True, parallel_jobs=2)
    assert outcome.summary["rows"] == SMALL * 50
    rows = ledger(path)
    assert {(row[1], row[5]) for row in rows} == {(f"t{number}", 50) for number in range(SMALL)}
    transactions = Counter(row[6] for row in rows)
    assert SMALL / 64 < len(transactions) < SMALL / 3
    for number in range(SMALL):
        assert_each_row_came_with_its_part(path, f"public.t{number}")
        assert content(path.source, f"public.t{number}") == content(path.target, f"public.t{number}")
    assert path.progress["public.t0"].status == "DONE"


def test_a_small_table_that_the_target_refuses_leaves_only_itself_behind(make: Callable[..., DataPath]) -> None:
    path = many_small(make)
    drive.execute(path.target, "ALTER TABLE public.t7 ADD CHECK (id < 50)")
    with pytest.raises(BlockersFound, match=r"public\.t7"):
        path.export(stream=True, parallel_jobs=2)
    there = drive.fetch(path.target, "SELECT table_name, sum(rows) FROM ybvoyager.import_batches GROUP BY 1")
    assert dict(there) == {f"t{number}": 50 for number in range(SMALL) if number != 7}
    drive.execute(path.target, "ALTER TABLE public.t7 DROP CONSTRAINT t7_id_check")
    path.export(stream=True, parallel_jobs=2)
    assert content(path.source, "public.t7") == content(path.target, "public.t7")


@pytest.mark.parametrize("moment", ["before COMMIT", "after COMMIT"])
def test_a_bundle_whose_connection_breaks_around_its_commit_is_in_once(
    make: Callable[..., DataPath], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """The connection is cut from within, where COMMIT is sent, the first time that a bundle does so."""
    path, fired = many_small(make), []
    finish = BundleVoucher.finish

    async def cut(self: BundleVoucher, execute: Any, received: Any) -> None:
        await finish(self, execute, received)
        if not fired:
            fired.append(moment)
            if moment == "after COMMIT":
                await execute("COMMIT")
            raise ConnectionResetError("cut by the test")

    monkeypatch.setattr(BundleVoucher, "finish", cut)
    path.export(stream=True, parallel_jobs=2)
    assert fired == [moment]
    assert_each_row_came_with_its_part(path, "public.t0")
    for number in range(SMALL):
        assert content(path.source, f"public.t{number}") == content(path.target, f"public.t{number}")
    assert drive.fetch(path.target, "SELECT count(*), sum(rows) FROM ybvoyager.import_batches") == [(SMALL, SMALL * 50)]


def test_an_interrupted_stream_goes_on_with_what_is_left(path: DataPath) -> None:
    kept = interrupted(path)
    outcome = path.export(stream=True, chunk_size="256KB")
    assert set(kept) < set(ledger(path))
    assert len(outcome.summary["snapshots"]) == 2
    assert not outcome.summary["mixed"]
    assert_equal(path)
    assert path.load().summary["rows"] == 90_000


def test_a_partly_streamed_table_that_was_written_since_is_emptied_and_read_anew(path: DataPath) -> None:
    kept = interrupted(path)
    (table,) = {row[1] for row in kept}
    drive.execute(
        path.source, "UPDATE public.big SET filler = 'moved' WHERE id % 3 = 0; DELETE FROM keyless WHERE a = 3"
    )
    outcome = path.export(stream=True)
    assert any(f"public.{table} was only partly read" in warning for warning in path.warnings)
    assert not {row[6] for row in kept} & {row[6] for row in ledger(path)}
    assert not outcome.summary["mixed"]
    assert "emptying.json" not in files(path)
    assert_equal(path)
    assert_each_row_came_with_its_part(path, f"public.{table}")


def test_a_wholly_streamed_table_that_was_written_since_makes_the_export_mixed(path: DataPath) -> None:
    """The smaller table is wholly in when the larger one is stopped half-way, and stays as it was."""
    drive.execute(
        path.source, "CREATE TABLE public.huge AS SELECT i, repeat('y', 99) AS t FROM generate_series(1, 90000) i"
    )
    drive.execute(path.target, "CREATE TABLE public.huge (i int, t text)")

    def checkpoint() -> None:
        done = {row[1]: 0 for row in ledger(path)}
        if len(done) == 1:
            raise Interrupted("Stopped at a safe point.")

    path.checkpoint = checkpoint
    with pytest.raises(Interrupted):
        path.export(stream=True, chunk_size="1GB", parallel_jobs=1)
    path.checkpoint = lambda: None
    ((first,),) = drive.fetch(path.target, "SELECT DISTINCT table_name FROM ybvoyager.import_batches")
    before = content(path.target, f"public.{first}")
    drive.execute(path.source, f"DELETE FROM public.{first} WHERE ctid = '(0,1)'")
    outcome = path.export(stream=True)
    assert outcome.summary["mixed_tables"] == [f"public.{first}"]
    assert content(path.target, f"public.{first}") == before
    for other in {"big", "keyless", "huge"} - {first}:
        assert content(path.target, f"public.{other}") == content(path.source, f"public.{other}")
    assert path.load().summary["mixed"]


@pytest.mark.parametrize("stage", ["before it", "after the rows"])
def test_emptying_a_table_that_is_cut_off_is_finished_by_the_next_run(
    path: DataPath, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """The rows and their ledger rows go in two transactions: whatever is between, none is doubled and none is lost."""
    interrupted(path)
    drive.execute(path.source, "UPDATE public.big SET filler = 'moved'; UPDATE public.keyless SET a = a + 1")
    fault: list[str] = []

    def fail(*_: Any) -> None:
        fault.append(stage)
        raise Interrupted("Cut off.")

    with monkeypatch.context() as patched:
        if stage == "before it":
            patched.setattr("voyager.phases.load.undo.empty_tables", fail)
        else:
            patched.setattr(path.store.batches, "forget_chunks", fail)
        with pytest.raises(Interrupted):
            path.export(stream=True)
    assert fault
    assert "emptying.json" in files(path)
    ((rows, vouched),) = drive.fetch(path.target, BOTH)
    assert (rows == vouched) == (stage == "before it")
    path.export(stream=True)
    assert_equal(path)
    assert "emptying.json" not in files(path)


def test_require_one_snapshot_refuses_a_second_one(path: DataPath) -> None:
    interrupted(path)
    with pytest.raises(NotAllowed, match="require-one-snapshot"):
        path.export(stream=True, require_one_snapshot=True)


def test_undoing_the_export_empties_what_it_streamed(path: DataPath) -> None:
    interrupted(path)
    job = path.job("EXPORT_DATA", export_data.Options(stream=True))
    export_data.undo(job)
    path.store.leases.release(job.lease)
    assert files(path) == set()
    assert ledger(path) == []
    assert [content(path.target, f"public.{name}")[0] for name in ("big", "keyless")] == [0, 0]
    path.export(stream=True)
    assert_equal(path)


def test_undoing_the_import_empties_what_was_streamed_and_the_rows_are_asked_for_again(path: DataPath) -> None:
    path.export(stream=True)
    path.load()
    job = path.job("IMPORT_DATA", import_data.Options())
    import_data.undo(job)
    path.store.leases.release(job.lease)
    assert [content(path.target, f"public.{name}")[0] for name in ("big", "keyless")] == [0, 0]
    with pytest.raises(NotAllowed, match="not in the target any more") as refused:
        path.load()
    assert "export data --stream --start-clean" in refused.value.hint
    job = path.job("EXPORT_DATA", export_data.Options(stream=True))
    export_data.undo(job)
    path.store.leases.release(job.lease)
    path.export(stream=True)
    path.load()
    assert_equal(path)


def test_an_export_goes_on_only_the_way_it_was_begun(path: DataPath) -> None:
    interrupted(path)
    with pytest.raises(NotAllowed, match="begun with --stream and cannot go on into files"):
        path.export()
    job = path.job("EXPORT_DATA", export_data.Options(stream=True))
    export_data.undo(job)
    path.store.leases.release(job.lease)
    calls = threading.Semaphore(3)

    def checkpoint() -> None:
        if not calls.acquire(blocking=False):
            raise Interrupted("Stopped at a safe point.")

    path.checkpoint = checkpoint
    with pytest.raises(Interrupted):
        path.export(chunk_size="256KB")
    path.checkpoint = lambda: None
    with pytest.raises(NotAllowed, match="begun into files and cannot go on with --stream"):
        path.export(stream=True)
    path.export()
    path.load()
    assert_equal(path)


def test_compression_together_with_stream_is_refused(path: DataPath) -> None:
    with pytest.raises(UsageError, match="--compression zstd cannot be given with --stream"):
        path.export(stream=True, compression="zstd")
    assert files(path) == set()


@pytest.mark.parametrize("lacks", ["DROP TABLE public.keyless", "ALTER TABLE public.keyless DROP m"])
def test_a_target_without_a_place_for_a_table_is_refused_before_a_row_travels(path: DataPath, lacks: str) -> None:
    drive.execute(path.target, lacks)
    with pytest.raises(BlockersFound, match="no place for 1 of the tables") as refused:
        path.export(stream=True)
    assert refused.value.details == ("public.keyless",)
    assert "import schema" in refused.value.hint
    assert content(path.target, "public.big")[0] == 0
    assert ledger(path) == []


def test_a_target_table_that_holds_other_rows_is_refused_before_a_row_travels(path: DataPath) -> None:
    drive.execute(path.target, "INSERT INTO public.keyless VALUES (1)")
    with pytest.raises(BlockersFound, match="hold rows that this export did not stream") as refused:
        path.export(stream=True)
    assert refused.value.details == ("public.keyless",)
    assert ledger(path) == []
    drive.execute(path.target, "TRUNCATE public.keyless")
    path.export(stream=True)
    assert_equal(path)


def test_a_lost_plan_does_not_let_rows_come_twice(path: DataPath) -> None:
    kept = interrupted(path)
    (path.export_dir.data / "export.json").unlink()
    with pytest.raises(BlockersFound, match="hold rows that this export did not stream"):
        path.export(stream=True)
    assert ledger(path) == kept


def test_a_row_that_the_target_refuses_leaves_only_its_table_behind(path: DataPath) -> None:
    drive.execute(path.target, "ALTER TABLE public.big ADD CHECK (id <> 31234)")
    with pytest.raises(BlockersFound, match="refused the rows of part") as refused:
        path.export(stream=True, chunk_size="256KB", parallel_jobs=2)
    assert "public.big" in refused.value.message
    assert "31234" not in refused.value.message
    assert content(path.target, "public.keyless") == content(path.source, "public.keyless")
    assert path.progress["public.big"].status == "FAILED"
    assert path.progress["public.keyless"].status == "DONE"
    assert_each_row_came_with_its_part(path, "public.big")
    attempt = ExportAttempt.load(path.export_dir.data)
    assert attempt is not None
    assert not attempt.completed
    drive.execute(path.target, "ALTER TABLE public.big DROP CONSTRAINT big_id_check")
    path.export(stream=True)
    assert_equal(path)


def test_a_trigger_that_leaves_rows_out_is_found_by_counting(path: DataPath) -> None:
    drive.execute(
        path.target,
        "CREATE FUNCTION public.left_out() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
        "CREATE TRIGGER t BEFORE INSERT ON public.keyless FOR EACH ROW WHEN (new.a = 3)"
        " EXECUTE FUNCTION public.left_out(); ALTER TABLE public.keyless ENABLE ALWAYS TRIGGER t",
    )
    with pytest.raises(BlockersFound, match=r"The target took 27,000 of the 30,000 rows"):
        path.export(stream=True)
    assert content(path.target, "public.keyless")[0] == 0


def test_a_lease_that_is_lost_in_the_middle_rolls_the_part_back(path: DataPath) -> None:
    def checkpoint() -> None:
        if len(ledger(path)) >= 3:
            drive.execute(path.target, "UPDATE ybvoyager.leases SET token = gen_random_uuid()")

    path.checkpoint = checkpoint
    with pytest.raises(LeaseLost):
        path.export(stream=True, chunk_size="256KB", parallel_jobs=2)
    ((rows, vouched),) = drive.fetch(path.target, BOTH)
    assert rows == vouched < 90_000


def test_a_source_without_ranges_streams_each_table_as_one_part(
    path: DataPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voyager.postgres.capabilities._FIRST_WITH_TID_RANGE_SCANS", 999999)
    outcome = path.export(stream=True, chunk_size="256KB")
    assert outcome.summary["parts"] == 3
    assert_equal(path)
