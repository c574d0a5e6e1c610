"""Export and import of rows between real servers: every value arrives as it was, each once, whatever happens."""

# ruff: noqa: E501 - the SQL of hostile values reads best a row a line

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.data_path import DataPath, without_post_data
from voyager.data_file import ChunkManifest
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import (
    BlockersFound,
    DamagedFile,
    DatabaseAway,
    Interrupted,
    LeaseLost,
    LockedByOther,
    NotAllowed,
    OutOfSpace,
    PermissionMissing,
    UsageError,
)
from voyager.phases import export_data, import_data
from voyager.phases.export.attempt import ExportAttempt

CONTENT = """
SELECT count(*), coalesce(md5(string_agg(one::text, E'\\n' ORDER BY one::text COLLATE "C")), '')
FROM ONLY {table} AS one"""

HOSTILE = r"""
CREATE SCHEMA "odd ""s"" \";
CREATE TYPE public.mood AS ENUM ('sad', 'a"b,{}\', '');
CREATE TYPE public.pair AS (a int, "b c" text);
CREATE DOMAIN public.short AS text CHECK (length(value) < 10);
CREATE TABLE public."Hostile; --" (
    id int PRIMARY KEY, "a""b" text, "c\d" varchar(40), "e
f" char(5), by bytea, n numeric, f8 float8, f4 float4, d date, ts timestamp, tz timestamptz, ti time, tt timetz, iv interval,
    j json, jb jsonb, ta text[], ia int[], mo public.mood, ma public.mood[], p public.pair, pa public.pair[],
    r int4range, mr tsmultirange, bi bit(8), vb varbit, ip inet, ci cidr, ma8 macaddr8, m money, u uuid, tsv tsvector,
    pt point, po polygon, l pg_lsn, s public.short, b boolean, c "char", nm name, jp jsonpath
);
CREATE TABLE public.keyless (a text, b text);
CREATE TABLE public.nothing (a int, b text);
CREATE TABLE public.no_columns ();
CREATE TABLE public.only_generated (a int GENERATED ALWAYS AS (41 + 1) STORED);
CREATE TABLE public.some_generated (a int, b int GENERATED ALWAYS AS (a * 2) STORED, c text);
CREATE TABLE public.always (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, t text);
CREATE TABLE public.dropped (gone int, kept text, gone_too int, also text);
ALTER TABLE public.dropped DROP gone, DROP gone_too;
CREATE TABLE public.parent (a int);
CREATE TABLE public.child (b text) INHERITS (public.parent);
CREATE TABLE public.events (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE public.events_old PARTITION OF public.events FOR VALUES FROM (MINVALUE) TO ('2024-01-01');
CREATE TABLE public.events_new PARTITION OF public.events FOR VALUES FROM ('2024-01-01') TO (MAXVALUE)
    PARTITION BY LIST (id);
CREATE TABLE public.events_new_rest PARTITION OF public.events_new DEFAULT;
CREATE TABLE "odd ""s"" \"."tab	le" ("col,umn" text, "%s {0}" text);
CREATE UNLOGGED TABLE public.unlogged (a int);
"""

ROWS = r"""
INSERT INTO public."Hostile; --" VALUES
 (1, E'\\N', E'\\.', E'\\', E'\\x000a0d5c00ff', 'NaN', 'NaN', '-Infinity', 'infinity', '-infinity', 'infinity', '24:00:00',
  '24:00:00-15:59', '178000000 years -1 mons 3 days -00:00:00.000001', '{"a": 1,  "a": 123456789012345678901234567890}',
  '{"b": "\\\n\u00e9", "n": 1.00}', ARRAY[NULL, 'NULL', '', '"', '\', E'\n', '{}', ','], '{{1,NULL},{NULL,4}}', 'a"b,{}\',
  ARRAY['', NULL, 'a"b,{}\']::public.mood[], ROW(NULL, '')::public.pair,
  ARRAY[ROW(1, E'x"\\,()\n')::public.pair, NULL, ROW(NULL, NULL)::public.pair], 'empty', '{[infinity,infinity]}', B'10101010', B'',
  '::1/64', '10.0.0.0/8', '08:00:2b:01:02:03:04:05', '-12.34', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
  $$'it''s \\':1A & 'x':2$$, '(NaN,Infinity)', '((0,0),(1e300,1e-300))', 'FFFFFFFF/FFFFFFFF', E'\t', true, '\377', E'\\n', '$."a\"b"'),
 (2, '', '', '', '', 'Infinity', 'Infinity', 'NaN', '4713-01-01 BC', '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999+00',
  '00:00:00.000001', '00:00:00+15:59', '-0.000001 s', 'null', 'null', '{}', '{}', '', '{}', ROW(0, NULL)::public.pair, '{}',
  '(,)', '{}', B'00000000', B'1', '255.255.255.255', '::/0', 'ff:ff:ff:ff:ff:ff:ff:ff', '92233720368547758.07',
  '00000000-0000-0000-0000-000000000000', '', '(0,-0)', '((0,0))', '0/0', '', false, '', '', '$'),
 (3, E'a\tb\r\nc\rd\ve\f\bf', E'\\.\n\\N\n', E'a\nb', repeat('\', 100)::bytea, 1e131071::numeric, 4.9406564584124654e-324,
  1.4e-45, '5874897-12-31', '2024-02-29 12:00:00.5', '1900-01-01 00:00:00+00', NULL, NULL, '1 mon -1 day', '" "', '""', NULL, NULL,
  NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (4, E'\U0001F600 \u00e9 e\u0301 \u202e \ufeff \u2028 ''"$$%s{0}', ' lead and trail ', ' a ', NULL, -0.0000000000000000000000000001,
  -0.0, 0.1, '0001-01-01', '0044-03-15 12:00:00 BC', '0001-12-31 23:59:59+00 BC', '12:34:56.789', '12:34:56+05:45', '-178000000 years',
  '[1,2]', '[]', '[0:1]={a,b}', '[-1:0][5:5]={{1},{2}}', 'sad', '{sad}', ROW(1, 'x')::public.pair, NULL, '[1,5)', NULL, NULL, NULL,
  NULL, NULL, NULL, '0', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'x', repeat('n', 63)::name, NULL);
INSERT INTO public."Hostile; --" (id, "a""b", f8, n)
 SELECT i, chr(i % 0x7f + 1) || chr(i) || md5(i::text), exp(i / 100.0), i / 7.0 FROM generate_series(161, 3000) i;
INSERT INTO public.keyless VALUES ('same', NULL), ('same', NULL), (NULL, 'same'), (NULL, NULL), (NULL, NULL), ('', '');
INSERT INTO public.no_columns DEFAULT VALUES;
INSERT INTO public.no_columns DEFAULT VALUES;
INSERT INTO public.only_generated SELECT FROM generate_series(1, 25000);
INSERT INTO public.some_generated (a, c) SELECT i, i::text FROM generate_series(1, 10) i;
INSERT INTO public.always OVERRIDING SYSTEM VALUE VALUES (9007199254740993, 'x'), (-1, NULL);
INSERT INTO public.dropped VALUES ('k', 'a'), (NULL, 'b');
INSERT INTO public.parent VALUES (1), (2);
INSERT INTO public.child VALUES (3, 'c');
INSERT INTO public.events SELECT i, '2023-12-01'::date + i FROM generate_series(1, 100) i;
INSERT INTO "odd ""s"" \"."tab	le" VALUES (E'%s {0} \\N', NULL);
INSERT INTO public.unlogged SELECT generate_series(1, 5);
"""

WIDE_BYTES = 64 << 20


@pytest.fixture(autouse=True)
def _no_post_data(monkeypatch: pytest.MonkeyPatch) -> None:
    without_post_data(monkeypatch)


@pytest.fixture
def make(
    source_server: Server, target_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
) -> Callable[..., DataPath]:
    """`make(ddl, rows="", target=server)`: the DDL on both sides, the rows in the source."""

    def build(ddl: str, rows: str = "", *, target: Server | None = None, **options: Any) -> DataPath:
        source, into = fresh_database(source_server), fresh_database(target or target_server)
        drive.execute(source, ddl)
        drive.execute(into, ddl)
        if rows:
            drive.execute(source, rows)
        return DataPath(source, into, tmp_path / "export dir", **options)

    return build


BIG = "CREATE TABLE public.big (id int PRIMARY KEY, filler text); CREATE TABLE public.small (a int);"
BIG_ROWS = """
INSERT INTO public.big SELECT i, repeat('x', 90) FROM generate_series(1, 120000) i;
INSERT INTO public.small SELECT generate_series(1, 10);
"""


@pytest.fixture
def big(make: Callable[..., DataPath]) -> DataPath:
    return make(BIG, BIG_ROWS)


def tables(endpoint: Endpoint) -> list[str]:
    """Every table that holds rows, by a query of the test's own."""
    rows = drive.fetch(
        endpoint,
        "SELECT format('%I.%I', nspname, relname) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema', 'ybvoyager') ORDER BY 1",
    )
    return [name for (name,) in rows]


def content(endpoint: Endpoint, table: str) -> tuple[int, str]:
    count, checksum = drive.fetch(endpoint, CONTENT.format(table=table))[0]
    return int(count), str(checksum)


def assert_equal(path: DataPath) -> None:
    names = tables(path.source)
    assert names == tables(path.target)
    assert {name: content(path.target, name) for name in names} == {name: content(path.source, name) for name in names}


def assert_ledger_whole(path: DataPath) -> None:
    """Every row of every exported chunk is vouched for exactly once."""
    exported = sum(ChunkManifest.load(file).rows for file in path.export_dir.data.glob("*.manifest.json"))
    ((rows,),) = drive.fetch(path.target, "SELECT coalesce(sum(rows), 0) FROM ybvoyager.import_batches")
    assert int(rows) == exported


def data_files(path: DataPath) -> list[Path]:
    return sorted(path.export_dir.data.glob("*_data.sql"), key=lambda file: -file.stat().st_size)


@pytest.mark.parametrize("compression", ["none", "zstd"])
def test_every_value_arrives_as_it_was(make: Callable[..., DataPath], compression: str) -> None:
    path = make(HOSTILE, ROWS)
    outcome = path.export(compression=compression, chunk_size="64KB")
    assert path.load().summary["rows"] == outcome.summary["rows"]
    assert_equal(path)
    assert_ledger_whole(path)
    assert all(progress.status == "DONE" for progress in path.progress.values())
    assert not path.warnings


def test_every_value_arrives_in_postgresql_15(make: Callable[..., DataPath], pg15_server: Server) -> None:
    path = make(HOSTILE, ROWS, target=pg15_server)
    path.export()
    path.load(parallel_jobs=3)
    assert_equal(path)


def test_virtual_generated_columns_stay_behind(make: Callable[..., DataPath]) -> None:
    ddl = "CREATE TABLE public.v (a int, twice int GENERATED ALWAYS AS (a * 2) VIRTUAL, z text);"
    path = make(ddl, "INSERT INTO public.v (a, z) VALUES (1, 'x'), (NULL, 'y')")
    path.export()
    path.load()
    assert_equal(path)


def test_servers_with_other_defaults_change_no_value(make: Callable[..., DataPath]) -> None:
    path = make(HOSTILE, ROWS)
    for endpoint, style in ((path.source, "SQL, DMY"), (path.target, "German, DMY")):
        for setting in (
            f"datestyle = '{style}'", "intervalstyle = 'sql_standard'", "timezone = 'Asia/Kathmandu'", "bytea_output = 'escape'",
            "extra_float_digits = 0", "lc_monetary = 'C'", "array_nulls = off", "client_min_messages = 'debug1'",
            "statement_timeout = '5s'", "search_path = 'pg_temp'", "row_security = off", "default_transaction_read_only = off",
        ):  # fmt: skip
            drive.execute(endpoint, f'ALTER DATABASE "{endpoint.database}" SET {setting}')
    path.export()
    path.load()
    for endpoint in (path.source, path.target):
        drive.execute(endpoint, f'SET statement_timeout = 0; ALTER DATABASE "{endpoint.database}" RESET ALL')
    assert_equal(path)


def test_a_row_of_64_megabytes_travels(make: Callable[..., DataPath]) -> None:
    path = make(
        "CREATE TABLE public.wide (id int, t text);",
        f"INSERT INTO public.wide VALUES (1, 'a'), (2, repeat(E'x\\n\\\\', {WIDE_BYTES} / 3)), (3, 'z')",
    )
    path.export()
    path.load()
    assert_equal(path)
    (manifest,) = (ChunkManifest.load(file) for file in path.export_dir.data.glob("*.manifest.json"))
    assert max(block.rows for block in manifest.blocks if block.size > WIDE_BYTES) == 1


def test_a_table_is_cut_into_parts_that_hold_each_row_once(big: DataPath) -> None:
    outcome = big.export(chunk_size="1MB", parallel_jobs=3)
    assert outcome.summary["parts"] > 10
    assert len(outcome.summary["snapshots"]) == 1
    big.load(parallel_jobs=4)
    assert_equal(big)


def test_a_second_run_of_both_does_nothing(big: DataPath) -> None:
    big.export()
    big.load()
    before = drive.fetch(big.target, "SELECT * FROM ybvoyager.import_batches ORDER BY chunk_id, batch_no")
    files = data_files(big)
    big.export()
    big.load()
    assert data_files(big) == files
    assert drive.fetch(big.target, "SELECT * FROM ybvoyager.import_batches ORDER BY chunk_id, batch_no") == before
    assert_equal(big)


def test_only_the_chosen_tables_travel_and_the_rest_has_a_reason(big: DataPath) -> None:
    outcome = big.export(exclude_table_list=("big",))
    assert outcome.summary["tables"] == 1
    assert outcome.summary["skipped"] == [
        {"kind": "table", "name": "public.big", "reason": "left out by --exclude-table-list"}
    ]
    big.load()
    assert content(big.target, "public.big")[0] == 0
    assert content(big.target, "public.small") == content(big.source, "public.small")


def test_an_unknown_table_is_refused_before_anything_is_written(big: DataPath) -> None:
    with pytest.raises(UsageError, match="There is no table nothing"):
        big.export(table_list=("nothing",))
    assert list(big.export_dir.data.iterdir()) == []


def test_the_dry_runs_say_what_would_happen_and_change_nothing(big: DataPath) -> None:
    job = big.job("EXPORT_DATA", export_data.Options())
    assert "copy public.big" in export_data.plan(job)
    assert list(big.export_dir.data.iterdir()) == []
    big.store.leases.release(job.lease)
    big.export()
    job = big.job("IMPORT_DATA", import_data.Options())
    assert "load 120,010 rows" in import_data.plan(job)[0]
    assert content(big.target, "public.big")[0] == 0


def stop_after(path: DataPath, calls: int) -> None:
    """Have the checkpoint refuse from its nth call on, as a first Ctrl-C does."""
    left = threading.Semaphore(calls)

    def checkpoint() -> None:
        if not left.acquire(blocking=False):
            raise Interrupted("Stopped at a safe point.")

    path.checkpoint = checkpoint


def go_on(path: DataPath) -> None:
    path.checkpoint = lambda: None


def test_an_interrupted_export_goes_on_with_what_is_left(big: DataPath) -> None:
    stop_after(big, 4)
    with pytest.raises(Interrupted):
        big.export(chunk_size="1MB", parallel_jobs=2)
    kept = {file.name for file in big.export_dir.data.glob("*.manifest.json")}
    assert kept
    assert len(data_files(big)) == len(kept)
    go_on(big)
    outcome = big.export(chunk_size="1MB")
    assert kept < {file.name for file in big.export_dir.data.glob("*.manifest.json")}
    assert not outcome.summary["mixed"]
    assert len(outcome.summary["snapshots"]) == 2
    big.load()
    assert_equal(big)


def test_require_one_snapshot_refuses_a_second_one(big: DataPath) -> None:
    stop_after(big, 4)
    with pytest.raises(Interrupted):
        big.export(chunk_size="1MB", parallel_jobs=1)
    go_on(big)
    with pytest.raises(NotAllowed, match="require-one-snapshot"):
        big.export(chunk_size="1MB", require_one_snapshot=True)
    job = big.job("EXPORT_DATA", export_data.Options())
    export_data.undo(job)
    big.store.leases.release(job.lease)
    assert list(big.export_dir.data.iterdir()) == []
    assert len(big.export(require_one_snapshot=True).summary["snapshots"]) == 1


def test_a_partly_read_table_that_was_written_since_is_read_anew(big: DataPath) -> None:
    stop_after(big, 4)
    with pytest.raises(Interrupted):
        big.export(chunk_size="1MB", parallel_jobs=1)
    go_on(big)
    drive.execute(big.source, "UPDATE public.big SET filler = 'moved' WHERE id % 3 = 0")
    outcome = big.export()
    assert any("read anew" in warning for warning in big.warnings)
    assert not outcome.summary["mixed"]
    big.load()
    assert_equal(big)


def test_a_finished_table_that_was_written_since_makes_the_export_mixed(make: Callable[..., DataPath]) -> None:
    path = make(BIG, BIG_ROWS + "INSERT INTO public.small SELECT generate_series(1, 200000); ANALYZE;")
    stop_after(path, 12)
    with pytest.raises(Interrupted):
        path.export(parallel_jobs=1, chunk_size="1GB")
    attempt = ExportAttempt.load(path.export_dir.data)
    assert attempt is not None
    done = [ChunkManifest.load(file).table for file in path.export_dir.data.glob("*.manifest.json")]
    assert len(done) == 1
    go_on(path)
    drive.execute(path.source, f"DELETE FROM {done[0].sql} WHERE ctid = '(0,1)'")
    outcome = path.export()
    assert outcome.summary["mixed_tables"] == [str(done[0])]
    assert "mixed" in outcome.headline
    assert any("mixed" in warning for warning in path.warnings)
    assert path.load().summary["mixed"]


def test_a_resumed_export_refuses_other_tables_and_other_columns(big: DataPath) -> None:
    stop_after(big, 4)
    with pytest.raises(Interrupted):
        big.export(chunk_size="1MB", parallel_jobs=1)
    go_on(big)
    with pytest.raises(NotAllowed) as caught:
        big.export(table_list=("big",))
    assert "public.small is missing now" in caught.value.details
    drive.execute(big.source, "ALTER TABLE public.big ADD more int")
    with pytest.raises(NotAllowed) as caught:
        big.export()
    assert "public.big has other columns now" in caught.value.details


def test_two_exports_into_one_directory_exclude_each_other(big: DataPath) -> None:
    with big.export_dir.lock("export-data"), pytest.raises(LockedByOther):
        big.export()


def test_an_export_whose_lease_was_taken_over_records_nothing_more(big: DataPath) -> None:
    job = big.job("EXPORT_DATA", export_data.Options())
    drive.execute(big.target, "UPDATE ybvoyager.leases SET token = gen_random_uuid()")
    with pytest.raises(LeaseLost):
        export_data.run(job)
    assert not list(big.export_dir.data.glob("*.manifest.json"))
    assert not data_files(big)


def test_an_export_that_cannot_fit_is_refused_before_it_starts(big: DataPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(big.export_dir), "free_bytes", lambda _self: 1000)
    with pytest.raises(OutOfSpace, match="needs at least"):
        big.export()
    assert big.export(skip_disk_check=True).summary["rows"] == 120_010


def test_a_disk_that_fills_up_leaves_nothing_torn_and_the_same_command_goes_on(
    big: DataPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    written = 0
    write = os.write

    def filling(descriptor: int, content: Any) -> int:
        nonlocal written
        written += len(content)
        if written > 5_000_000:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content)

    monkeypatch.setattr(os, "write", filling)
    with pytest.raises(OutOfSpace, match=str(big.export_dir.data)):
        big.export(chunk_size="1MB")
    monkeypatch.setattr(os, "write", write)
    assert len(data_files(big)) == len(list(big.export_dir.data.glob("*.manifest.json")))
    big.export()
    big.load()
    assert_equal(big)


def test_row_security_is_an_error_not_missing_rows(make: Callable[..., DataPath]) -> None:
    path = make("CREATE TABLE public.t (a int);", "INSERT INTO public.t VALUES (1), (2)")
    drive.execute(
        path.source,
        f"CREATE ROLE reader_{path.record.name[2:]} LOGIN PASSWORD 'x';"
        f"GRANT SELECT ON public.t TO reader_{path.record.name[2:]};"
        "ALTER TABLE public.t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON public.t USING (a = 1)",
    )
    administrator = path.source
    try:
        path.source = Endpoint(
            "postgresql", administrator.host, administrator.port, administrator.database, f"reader_{path.record.name[2:]}",
            password="x",
        )  # fmt: skip
        with pytest.raises(PermissionMissing, match=r"public\.t"):
            path.export()
    finally:
        drive.execute(
            administrator, f"DROP OWNED BY reader_{path.record.name[2:]}; DROP ROLE reader_{path.record.name[2:]}"
        )


def test_import_needs_a_finished_export(big: DataPath) -> None:
    with pytest.raises(NotAllowed, match="no finished export"):
        big.load()
    stop_after(big, 4)
    with pytest.raises(Interrupted):
        big.export(chunk_size="1MB", parallel_jobs=1)
    go_on(big)
    with pytest.raises(NotAllowed, match="no finished export"):
        big.load()


def test_an_interrupted_import_goes_on_after_the_last_batch(big: DataPath) -> None:
    big.export(chunk_size="1MB")
    stop_after(big, 5)
    with pytest.raises(Interrupted):
        big.load(parallel_jobs=2)
    ((before,),) = drive.fetch(big.target, "SELECT count(*) FROM ybvoyager.import_batches")
    assert before > 0
    assert big.progress["public.big"].rows_done < 120_000
    go_on(big)
    big.load(batch_size=50_000)
    assert_equal(big)
    assert_ledger_whole(big)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: os.truncate(file, file.stat().st_size - 1),
        lambda file: os.truncate(file, 0),
        lambda file: file.unlink(),
        lambda file: file.write_bytes(file.read_bytes()[:-200] + b"\x00" + file.read_bytes()[-199:]),
        lambda file: file.write_bytes(file.read_bytes() + b"1\tx\n"),
    ],
    ids=["cut", "emptied", "removed", "one byte changed", "appended"],
)
def test_a_damaged_file_stops_its_table_only_and_the_repaired_one_goes_on(
    big: DataPath, spoil: Callable[[Path], object]
) -> None:
    big.export(chunk_size="1GB")
    file = data_files(big)[0]
    good = file.read_bytes()
    spoil(file)
    with pytest.raises(DamagedFile, match=file.name):
        big.load(parallel_jobs=1)
    assert content(big.target, "public.small") == content(big.source, "public.small")
    assert big.progress["public.big"].status == "FAILED"
    ((loaded,),) = drive.fetch(big.target, "SELECT count(*) FROM public.big")
    assert loaded < 120_000
    file.write_bytes(good)
    big.load()
    assert_equal(big)


def test_a_missing_manifest_stops_the_import_before_anything_is_loaded(big: DataPath) -> None:
    big.export(chunk_size="1MB")
    next(iter(big.export_dir.data.glob("*.manifest.json"))).unlink()
    with pytest.raises(DamagedFile, match="1 of"):
        big.load()
    assert content(big.target, "public.small")[0] == 0


def test_a_table_that_holds_rows_of_another_origin_is_refused_and_the_others_are_loaded(big: DataPath) -> None:
    big.export()
    drive.execute(big.target, "INSERT INTO public.big VALUES (-1, 'secret value')")
    with pytest.raises(BlockersFound, match=r"public\.big holds rows that this migration did not load") as caught:
        big.load()
    assert "secret" not in caught.value.message
    assert "TRUNCATE TABLE ONLY" in caught.value.hint
    assert drive.fetch(big.target, "SELECT count(*) FROM public.big") == [(1,)]
    assert content(big.target, "public.small") == content(big.source, "public.small")
    drive.execute(big.target, "TRUNCATE TABLE ONLY public.big")
    big.load()
    assert_equal(big)


def test_rows_of_another_origin_that_come_meanwhile_are_named_by_key_alone(big: DataPath) -> None:
    big.export()
    ((last,),) = drive.fetch(big.source, "SELECT max(id) FROM public.big")
    drive.execute(
        big.target,
        f"""
        CREATE FUNCTION public.intrude() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          INSERT INTO public.big VALUES ({last}, 'secret value') ON CONFLICT DO NOTHING; RETURN NULL; END $$;
        CREATE TRIGGER intrude AFTER INSERT ON ybvoyager.import_batches FOR EACH ROW EXECUTE FUNCTION public.intrude();
        ALTER TABLE ybvoyager.import_batches ENABLE ALWAYS TRIGGER intrude;
        """,
    )
    with pytest.raises(BlockersFound) as caught:
        big.load()
    assert f"Key (id)=({last})" in caught.value.message
    assert "public.big" in caught.value.message
    assert "secret" not in caught.value.message
    assert "xxxx" not in caught.value.message
    assert content(big.target, "public.small") == content(big.source, "public.small")
    drive.execute(big.target, "DROP TRIGGER intrude ON ybvoyager.import_batches; DROP FUNCTION public.intrude()")
    drive.execute(big.target, f"DELETE FROM public.big WHERE id = {last} AND filler = 'secret value'")
    big.load()
    assert_equal(big)


def test_a_value_that_the_target_refuses_is_not_shown(make: Callable[..., DataPath]) -> None:
    path = make("CREATE TABLE public.t (id int, word text);", "INSERT INTO public.t VALUES (1, 'ok'), (2, 'hush hush')")
    drive.execute(path.target, "ALTER TABLE public.t ALTER word TYPE int USING word::int")
    path.export()
    with pytest.raises(BlockersFound) as caught:
        path.load()
    assert "row 1 of the batch, column word" in caught.value.message
    drive.execute(path.target, "ALTER TABLE public.t ALTER word TYPE text, ADD CHECK (word = 'ok')")
    with pytest.raises(BlockersFound) as caught:
        path.load()
    assert "hush" not in repr(caught.value.message) + repr(caught.value.details)


def test_triggers_of_the_target_leave_no_row_out_unseen(make: Callable[..., DataPath]) -> None:
    import dataclasses

    path = make("CREATE TABLE public.t (id int);", "INSERT INTO public.t SELECT generate_series(1, 10)")
    drive.execute(
        path.target,
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.id = 3 THEN RETURN NULL; END IF;"
        " RETURN NEW; END'; CREATE TRIGGER t BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
    )
    path.export()
    able, path.capabilities = path.capabilities, dataclasses.replace(path.capabilities, replication_role=False)
    with pytest.raises(BlockersFound, match="took 9 of the 10 rows"):
        path.load()
    assert content(path.target, "public.t")[0] == 0
    path.capabilities = able
    path.load()
    assert_equal(path)


def test_undoing_an_import_empties_what_it_loaded_and_forgets_it(big: DataPath) -> None:
    drive.execute(big.target, "CREATE TABLE public.theirs (a int); INSERT INTO public.theirs VALUES (1)")
    big.export()
    big.load()
    job = big.job("IMPORT_DATA", import_data.Options())
    import_data.undo(job)
    import_data.undo(job)
    big.store.leases.release(job.lease)
    assert content(big.target, "public.big")[0] == 0
    assert content(big.target, "public.theirs")[0] == 1
    big.load()
    assert content(big.target, "public.big") == content(big.source, "public.big")


def test_post_data_only_refuses_while_rows_are_missing(big: DataPath) -> None:
    big.export()
    with pytest.raises(NotAllowed, match="post-data-only"):
        big.load(post_data_only=True)
    big.load()
    big.load(post_data_only=True)


def test_a_source_that_is_away_is_an_outage(big: DataPath, own_server: Callable[..., Server]) -> None:
    big.source = own_server().endpoint()
    own = big.source
    drive.execute(own, BIG)
    big.source = Endpoint("postgresql", own.host, 1, own.database, own.user)
    with pytest.raises(DatabaseAway):
        big.export(outage_budget=0.1)
