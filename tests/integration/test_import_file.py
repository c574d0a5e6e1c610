"""Files of other programs into tables that are there: every way they may be written, and every way to be wrong."""

from __future__ import annotations

import bz2
import csv
import functools
import gzip
import io
import lzma
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests import drive
from tests.faults.driver import wait_until
from tests.file_import import FileImport, importing_into
from voyager.embedded import Server
from voyager.errors import DamagedFile
from voyager.files.dialect import Dialect
from voyager.files.streams import text_of
from voyager.phases.files import reader as file_reader

ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, name text, price numeric(10,2), at timestamptz, note text)"
CONTENT = "SELECT id, name, price::text, note FROM orders ORDER BY id"


files = importing_into(ORDERS)


def test_one_command_registers_and_loads_with_what_csv_may_hold(files: FileImport) -> None:
    files.write(
        "orders.csv",
        "id,name,price,at,note\n"
        '1,"says ""hi"", twice\nand more",1.50,2026-01-01T00:00:00Z,\n'
        '2,plain,2,,""\n3,ü€😀,,,x\n',
    )
    done = files.run("--has-header", "--file-table-map", "orders.csv:orders").document
    assert (done["headline"], done["phase"]) == ("Loaded 3 rows from 1 file (111 bytes) into 1 table.", "IMPORT_FILE")
    assert files.rows(CONTENT) == [
        (1, 'says "hi", twice\nand more', "1.50", None),
        (2, "plain", "2.00", ""),
        (3, "ü€😀", None, "x"),
    ]
    assert files.rows("SELECT name, workflow FROM ybvoyager.migrations") == [("import-file", "file")]
    assert done["current_state"] == "IMPORT_FILE_COMPLETED"
    assert done["next"]["phase"] == "END"


def test_the_views_show_where_files_come_from_as_a_path_and_databases_with_their_port(files: FileImport) -> None:
    files.write("o.csv", "1,x,,,\n")
    files.run("--file-table-map", "o.csv:orders")
    places = {
        '{"engine": "s3", "host": "dump", "port": 0, "database": ""}': "s3://dump",
        '{"engine": "https", "host": "h", "port": 0, "database": "a/b"}': "https://h/a/b",
        '{"engine": "mysql", "host": "h", "port": 3306, "database": "shop"}': "mysql://h:3306/shop",
        "{}": str(files.data),
    }
    kept = files.rows("SELECT source::text FROM ybvoyager.migrations")[0][0]
    for ended, view in (("NULL", "active_migrations"), ("now()", "completed_migrations")):
        for place, shown in places.items():
            drive.execute(
                files.target,
                f"UPDATE ybvoyager.migrations SET ended_at = {ended}, source = '{kept}'::jsonb || '{place}'",
            )
            assert files.rows(f"SELECT source FROM ybvoyager.{view}") == [(shown,)]


def test_a_header_names_the_columns_in_any_order_and_case(files: FileImport) -> None:
    files.write("o.csv", "NAME,id\nfirst,1\n")
    files.run("--has-header", "--file-table-map", "o.csv:ORDERS")
    assert files.rows("SELECT id, name, note FROM orders") == [(1, "first", None)]


def test_the_text_format_is_what_copy_writes(files: FileImport, tmp_path: Path) -> None:
    drive.execute(
        files.target,
        r"INSERT INTO orders VALUES (1, E'tab\tnl\nback\\slash', 1, '2026-01-01', NULL), (2, E'\\.', 2, NULL, '\N')",
    )
    with drive.connect(files.target) as connection, connection.cursor().copy("COPY orders TO STDOUT") as copy:
        text = b"".join(bytes(piece) for piece in copy)
    before = files.rows(CONTENT)
    drive.execute(files.target, "TRUNCATE orders")
    files.write("orders.txt", text + b"\\.\n")
    files.run("--format", "text", "--file-table-map", "orders.txt:orders")
    assert files.rows(CONTENT) == before


def test_delimiter_quote_escape_null_and_encoding_are_as_told(files: FileImport) -> None:
    told = ("--delimiter", ";", "--quote-char", "'", "--escape-char", "\\", "--null-string", "NULL")
    told += ("--encoding", "win1252")
    lines = "1;'it\\'s; here';NULL;;größe\r\n2;'back\\\\';3;;NULL\r\n"
    files.write("o.dat", lines.encode("cp1252"))
    files.run(
        *told,
        "--file-table-map",
        "o.dat:orders",
        code=4,
    )
    # An empty value is no timestamp when NULL is what says nothing; so the file must say it.
    files.write("p.dat", lines.replace(";;", ";NULL;").encode("cp1252"))
    files.run(
        *told,
        "--file-table-map",
        "p.dat:orders",
    )
    assert files.rows(CONTENT) == [(1, "it's; here", None, "größe"), (2, "back\\", "3.00", None)]


@pytest.mark.parametrize("encoding", ["utf-16", "shift_jis", "latin1", "utf-8-sig"])
def test_a_file_is_decoded_where_its_rows_can_be_found(files: FileImport, encoding: str) -> None:
    word = "größe" if encoding == "latin1" else "表示"
    files.write("o.csv", f'id,name\n1,"{word}\n"\n2,x\n'.encode(encoding))
    files.run("--has-header", "--encoding", encoding, "--file-table-map", "o.csv:orders")
    assert files.rows("SELECT id, name FROM orders ORDER BY id") == [(1, f"{word}\n"), (2, "x")]


def test_files_of_any_compression_patterns_and_directories_go_where_the_map_says(files: FileImport) -> None:
    drive.execute(files.target, 'CREATE SCHEMA s; CREATE TABLE s."Odd, Name" (a int, b text)')
    writers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
    for number, (suffix, compress) in enumerate(writers.items()):
        part = b"".join(b"%d,n%d\n" % (number * 1000 + row, row) for row in range(1000))
        # Two members one behind the other, as tools that append write them.
        files.write(f"parts/o{number}.csv.{suffix}", compress(part[:3000]) + compress(part[3000:]))
    files.write("parts/_SUCCESS", "")
    files.write("deep/a/1.csv", "1,x\n")
    files.write("deep/b/2.csv", "2,y\n")
    drive.execute(files.target, "ALTER TABLE orders DROP price, DROP at, DROP note")
    files.run("--file-table-map", 'parts:orders,deep/**/*.csv:s."Odd, Name"')
    assert files.rows("SELECT count(*), min(id), max(id), count(DISTINCT id) FROM orders") == [(4000, 0, 3999, 4000)]
    assert files.rows('SELECT * FROM s."Odd, Name" ORDER BY 1') == [(1, "x"), (2, "y")]


def test_a_line_that_older_servers_take_for_the_end_is_data_in_csv(
    pg15_server: Server, fresh_database: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = FileImport(fresh_database(pg15_server), tmp_path, capsys)
    drive.execute(files.target, "CREATE TABLE one (a text)")
    files.write("one.csv", 'x\n\\.\n"\n\\.\n"\ny\n')
    files.run("--file-table-map", "one.csv:one")
    assert sorted(files.rows("SELECT a FROM one")) == [("\n\\.\n",), ("\\.",), ("x",), ("y",)]


def test_large_files_are_cut_at_rows_and_loaded_by_several_connections(files: FileImport) -> None:
    drive.execute(files.target, "CREATE TABLE wide (id int, body text)")
    some = 'a,""b"" '
    rows = [f'{number},"{some * (number % 90)}\n{number}"' for number in range(20_000)]
    files.write("wide.csv", "\n".join(rows))  # the last row has no end of line
    files.run("--parallel-jobs", 4, "--batch-size", 500, "--file-table-map", "wide.csv:wide")
    assert files.rows(
        "SELECT count(*), sum(id), count(DISTINCT id), count(*) FILTER (WHERE body = repeat('a,\"b\" ', id % 90)"
        " || chr(10) || id) FROM wide"
    ) == [(20_000, 199_990_000, 20_000, 20_000)]
    ledger = files.ledger()
    assert len(ledger) > 30
    assert sum(row[3] for row in ledger) == (files.data / "wide.csv").stat().st_size


def test_a_second_run_loads_only_files_that_are_new(files: FileImport) -> None:
    files.write("a.csv", "1,a,,,\n")
    files.run("--file-table-map", "*.csv:orders")
    files.write("b.csv", "2,b,,,\n")
    done = files.tell().document  # the options of the first run are known
    assert done["summary"]["files"] == 2
    assert files.rows("SELECT id FROM orders ORDER BY 1") == [(1,), (2,)]
    assert len(files.ledger()) == 2


def test_starting_clean_empties_what_was_loaded_and_loads_it_anew(files: FileImport) -> None:
    drive.execute(files.target, "CREATE TABLE lines (id int REFERENCES orders)")
    files.write("a.csv", "1,a,,,\n2,b,,,\n")
    files.run("--file-table-map", "a.csv:orders")
    files.write("a.csv", "3,c,,,\n")
    changed = files.refused(code=5)
    assert changed["message"] == f"{files.data}/a.csv has changed since rows of it were loaded into public.orders."
    files.tell("--start-clean")  # what the first run was told is known
    assert files.rows("SELECT id FROM orders") == [(3,)]


def test_nothing_is_emptied_for_a_load_that_could_not_begin(files: FileImport) -> None:
    drive.execute(files.target, "CREATE TABLE other (id int); CREATE TABLE full_one (id int)")
    drive.execute(files.target, "INSERT INTO full_one VALUES (1)")
    files.write("a.csv", "1,a,,,\n")
    files.run("--file-table-map", "a.csv:orders")
    for told, code in (
        (("--file-table-map", "a.csv:no_such_table"), 2),
        (("--file-table-map", "a.csv:orders,nothing.csv:other"), 2),
        (("--file-table-map", "a.csv:orders,a.csv:full_one"), 2),
        (("--file-table-map", "a.csv:full_one"), 4),
        (("--file-table-map", "a.csv:other", "--on-primary-key-conflict", "update"), 4),
        (("--data-dir", files.directory / "nowhere"), 2),
        (("--delimiter", "long"), 2),
        (("--batch-size-bytes", "much"), 2),
        (("--parallel-jobs", "-1"), 2),
    ):
        assert files.tell(*told, "--start-clean", code=code).document["error"]
        assert files.rows("SELECT id FROM orders") == [(1,)], told
        assert files.state() == "COMPLETED"
    (files.data / "a.csv").unlink()
    assert "There is no file" in files.tell("--start-clean", code=2).document["error"]["message"]
    assert files.rows("SELECT id FROM orders") == [(1,)]
    assert len(files.ledger()) == 1


def test_rows_that_were_there_are_not_mixed_with_files_unless_told_and_never_removed(files: FileImport) -> None:
    drive.execute(files.target, "INSERT INTO orders VALUES (9, 'mine')")
    files.write("a.csv", "1,a,,,\n")
    assert "public.orders holds rows" in files.refused("--file-table-map", "a.csv:orders", code=4)["message"]
    files.run("--file-table-map", "a.csv:orders", "--allow-non-empty")
    assert files.rows("SELECT id FROM orders ORDER BY 1") == [(1,), (9,)]
    assert "held rows before" in files.refused("--file-table-map", "a.csv:orders", "--start-clean", code=5)["message"]
    assert files.rows("SELECT id FROM orders ORDER BY 1") == [(1,), (9,)]


def test_a_dry_run_names_files_and_tables_and_writes_nothing(files: FileImport) -> None:
    files.write("a.csv", "1,a,,,\n")
    plan = files.run("--file-table-map", "a.csv:orders", "--dry-run").document["plan"]
    assert plan[-1] == f"load {files.data}/a.csv (7 bytes) into public.orders"
    assert files.rows("SELECT to_regclass('ybvoyager.migrations')") == [(None,)]
    assert not (files.directory / "export").exists()


WRONG: dict[str, tuple[dict[str, str], tuple[str, ...], int, str]] = {
    "no such file": ({}, ("--file-table-map", "gone.csv:orders"), 2, "There is no file {data}/gone.csv."),
    "nothing fits": ({}, ("--file-table-map", "x*.csv:orders"), 2, "No file fits {data}/x*.csv."),
    "no such table": (
        {"a.csv": "1\n"},
        ("--file-table-map", "a.csv:ordres"),
        2,
        "The target has no table ordres, which --file-table-map names for a.csv.",
    ),
    "no map": ({}, (), 2, "--file-table-map names no file."),
    "no table in the map": ({}, ("--file-table-map", "a.csv"), 2, "'a.csv' in --file-table-map is not FILE:TABLE."),
    "claimed twice": (
        {"ab.csv": "1\n"},
        ("--file-table-map", "a*.csv:orders,*b.csv:public.orders"),
        2,
        "Two entries of --file-table-map mean {data}/ab.csv: a*.csv for orders and *b.csv for public.orders.",
    ),
    "claimed twice by two spellings": (
        {"a.csv": "1\n", "b/c.csv": "1\n"},
        ("--file-table-map", "a.csv:orders,b/../a.csv:public.orders"),
        2,
        "Two entries of --file-table-map mean {data}/b/../a.csv: a.csv for orders and b/../a.csv for public.orders.",
    ),
    "not a text file": (
        {"a.parquet": "PAR1"},
        ("--file-table-map", "a.parquet:orders"),
        2,
        "{data}/a.parquet is a .parquet file, which is not read.",
    ),
    "two characters": (
        {"a.csv": ""},
        ("--delimiter", "||", "--file-table-map", "a.csv:orders"),
        2,
        "--delimiter is '||'",
    ),
    "unknown encoding": ({"a.csv": ""}, ("--encoding", "klingon", "--file-table-map", "a.csv:orders"), 2, "'klingon'"),
    "unknown format": (
        {"a.csv": ""},
        ("--format", "json", "--file-table-map", "a.csv:orders"),
        2,
        "--format is 'json'.",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_before_anything_begins_leaves_nothing_behind(files: FileImport, name: str) -> None:
    content, given, code, message = WRONG[name]
    for file, text in content.items():
        files.write(file, text)
    assert message.format(data=files.data) in files.refused(*given, code=code)["message"]
    assert files.rows("SELECT to_regclass('ybvoyager.migrations')") == [(None,)]


BAD: dict[str, tuple[str, tuple[str, ...], str]] = {
    "too few values": (
        "1,a,1,,\n2,b\n3,c,1,,\n",
        (),
        '(FILE, line 2): missing data for column "price"',
    ),
    "too many values": ("1,a,1,,\n2,b,1,,,,\n", (), "(FILE, line 2): extra data after last expected column"),
    "a wrong value": (
        'id,name,price,at,note\n1,"a\nb",1,,\n2,b,cheap,,\n',
        ("--has-header",),
        "(FILE, line 4, column price): invalid input syntax for type numeric",
    ),
    "a quote that never closes": ('1,a,1,,\n2,"b,1,,\n3,c,1,,\n', (), "(FILE, line 2): unterminated CSV quoted field"),
    "no UTF-8": ("1,a,1,,\n2,\udcff,1,,\n", (), "(FILE, line 2): invalid byte sequence"),
    "another name": (
        "id,nam\n1,a\n",
        ("--has-header",),
        "The header of FILE does not fit public.orders: public.orders has no column nam.",
    ),
    "a name twice": ("id,name,NAME\n1,a,b\n", ("--has-header",), "name is there twice"),
    "a name left out": ("name\na\n", ("--has-header",), "id, which must have a value, is not there"),
    "the key twice": ("1,a,1,,\n1,b,1,,\n", (), "Key (id)=(1)"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_does_not_fit_is_named_with_its_line_and_the_others_go_on(files: FileImport, name: str) -> None:
    content, given, message = BAD[name]
    drive.execute(files.target, "CREATE TABLE other (id int, name text)")
    path = files.write("o.csv", content.encode("utf-8", "surrogateescape"))
    files.write("other.csv", "id,name\n1,x\n" if "--has-header" in given else "1,x\n")
    error = files.refused(*given, "--file-table-map", "o.csv:orders,other.csv:other", code=4)
    assert message.replace("FILE", str(path)) in error["message"]
    assert files.rows("SELECT count(*) FROM orders") == [(0,)]
    assert files.rows("SELECT count(*) FROM other") == [(1,)]
    assert files.state() == "IN_PROGRESS"
    if "line" in message:
        assert "cheap" not in error["message"]


def test_a_corrected_table_lets_the_same_command_go_on(files: FileImport) -> None:
    files.write("o.csv", "1,a,1,,\n2,b,cheap,,\n")
    files.refused("--file-table-map", "o.csv:orders", code=4)
    drive.execute(files.target, "ALTER TABLE orders ALTER price TYPE text")
    files.tell()
    assert files.rows("SELECT id, price FROM orders ORDER BY 1") == [(1, "1"), (2, "cheap")]


def test_an_empty_file_is_told_and_brings_nothing(files: FileImport) -> None:
    files.write("a.csv", "")
    files.write("b.csv", "id,name\n")
    files.write("c.csv.gz", gzip.compress(b""))
    done = files.run("--has-header", "--file-table-map", "*.csv*:orders")
    assert f"{files.data}/a.csv is empty" in done.err
    assert files.rows("SELECT count(*) FROM orders") == [(0,)]
    assert files.state() == "COMPLETED"


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_a_compressed_file_that_was_cut_off_is_damage_and_never_the_end(files: FileImport, suffix: str) -> None:
    writers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
    whole = writers[suffix](os.urandom(1 << 16).hex().encode())
    path = files.write(f"o.csv.{suffix}", whole[: len(whole) // 2])
    error = files.refused("--file-table-map", f"o.csv.{suffix}:orders", code=10)
    assert error["message"].startswith(f"{path} is damaged or cut off")


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_what_follows_the_parts_of_a_compressed_file_is_read_or_damage_and_never_passed_over(suffix: str) -> None:
    """Files are written in parts by pbzip2, pigz, xz with padding, or by joining two of them."""
    writers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "zst": zstandard.compress}
    part, padding = writers[suffix](b"1,a\n"), b"\0" * 8 if suffix == "xz" else b""
    name = f"o.csv.{suffix}"
    stream = text_of(io.BytesIO(part + padding + part + padding), name, Dialect())
    assert b"".join(iter(lambda: stream.read(1 << 16), b"")) == b"1,a\n" * 2
    stream = text_of(io.BytesIO(part + b"?" + part[1:]), name, Dialect())
    with pytest.raises(DamagedFile):
        list(iter(lambda: stream.read(1 << 16), b""))


@pytest.mark.parametrize(
    ("name", "content", "given", "code"),
    [
        ("o.csv.gz", b"7Q,no gzip", (), 10),
        ("o.csv", b"1,\xf1\xf2\n", (), 4),
        ("o.csv", b"1,a\n2,7Q\xd8\n", ("--encoding", "utf-16"), 10),
        ("o.csv", b"1,-7Q!\n", ("--encoding", "punycode"), 10),
        ("o.csv", b"71,7Q\n1,a\n", ("--has-header",), 4),
        ("o.csv", b'7Q,"' + b"7Q" * 100_000 + b'"\n1,a\n', ("--has-header",), 10),
    ],
)
def test_no_bytes_of_a_file_are_told_or_kept(
    files: FileImport, name: str, content: bytes, given: tuple[str, ...], code: int, request: pytest.FixtureRequest
) -> None:
    # What else this process reads may have raised it.
    request.addfinalizer(functools.partial(csv.field_size_limit, csv.field_size_limit(1 << 30)))
    files.write(name, content)
    told = files.run("--file-table-map", f"{name}:orders", *given, code=code)
    kept = [path.read_text() for path in (files.directory / "export").rglob("*") if path.is_file()]
    names = files.rows("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'ybvoyager'")
    kept += [str(files.rows(f"SELECT row::text FROM ybvoyager.{table} AS row")) for (table,) in names]
    assert any("IMPORT_FILE" in text for text in kept)
    for text in (told.out, told.err, *kept):
        assert not re.search(r"7Q|0xf1|\\xf1|'!'|'\\n'", text), text


@pytest.mark.parametrize("some_are_in", [False, True])
def test_what_is_said_of_a_file_that_was_cut_off_leads_to_all_its_rows(
    files: FileImport, monkeypatch: pytest.MonkeyPatch, some_are_in: bool
) -> None:
    text = "".join(f"{number},{os.urandom(20).hex()},,,\n" for number in range(60_000)).encode()
    read = file_reader.PartReader.next

    def after_a_batch(reader: file_reader.PartReader) -> Any:
        try:
            return read(reader)
        except DamagedFile:
            wait_until(lambda: bool(files.ledger()) or not some_are_in)
            raise

    monkeypatch.setattr(file_reader.PartReader, "next", after_a_batch)
    # Text is read by the megabyte: of so few bytes nothing can be loaded.
    whole = gzip.compress(text, 1)
    path = files.write("o.csv.gz", whole[: len(whole) * 4 // 5 if some_are_in else 100])
    error = files.refused("--file-table-map", "o.csv.gz:orders", "--batch-size", "5000", code=10)
    path.write_bytes(whole)
    if some_are_in:
        assert 0 < files.rows("SELECT count(*) FROM orders")[0][0] < 60_000
        assert "; then load everything anew, for rows of it are in public.orders already" in error["hint"]
        assert "yb-voyager migrate import file --migration-name import-file --start-clean" in error["hint"]
        files.tell("--migration-name", "import-file", "--start-clean")
    else:
        assert error["hint"].startswith("Get the file again; then run the same command again")
        files.tell()
    assert files.rows("SELECT count(*), count(DISTINCT id), sum(id) FROM orders") == [(60_000, 60_000, 1_799_970_000)]


def test_a_file_that_changes_while_it_is_read_is_refused_by_name(
    files: FileImport, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = files.write("o.csv", "".join(f"{number},n,,,\n" for number in range(50_000)))
    read, seen = file_reader.PartReader.next, []

    def meddle(reader: file_reader.PartReader) -> Any:
        seen.append(reader)
        if len(seen) == 2:
            wait_for_rows(files)
            with path.open("a") as file:
                file.write("50000,n,,,\n")
        return read(reader)

    monkeypatch.setattr(file_reader.PartReader, "next", meddle)
    error = files.refused("--batch-size", 5000, "--file-table-map", "o.csv:orders", code=5)
    assert error["message"] == f"{path} has changed since this import found it."
    monkeypatch.undo()
    assert (
        "has changed since rows of it were loaded"
        in files.refused("--file-table-map", "o.csv:orders", code=5)["message"]
    )


def wait_for_rows(files: FileImport) -> None:
    deadline = time.monotonic() + 60
    while not files.ledger():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_other_options_for_a_file_that_is_half_in_are_refused(files: FileImport) -> None:
    files.write("o.csv", "".join(f"{number},n,1,,\n" for number in range(50_000)) + "x,n,1,,\n")
    files.refused("--batch-size", 5000, "--file-table-map", "o.csv:orders", code=4)
    assert 0 < files.rows("SELECT count(*) FROM orders")[0][0] < 50_001
    error = files.refused("--quote-char", "'", "--file-table-map", "o.csv:orders", code=5)
    assert "other options for format, quotes, header or encoding" in error["message"]
    (files.data / "o.csv").rename(files.data / "elsewhere.csv")
    files.write("p.csv", "50001,n,1,,\n")
    error = files.refused("--quote-char", '"', "--file-table-map", "p.csv:orders", code=5)
    assert error["message"].startswith(f"A part of {files.data}/o.csv is in public.orders, and the file is not there")


def test_a_migration_of_another_workflow_is_not_mistaken_for_one_of_files(files: FileImport) -> None:
    files.write("a.csv", "1,a,,,\n")
    files.run("--migration-name", "mine", "--file-table-map", "a.csv:orders")
    drive.execute(files.target, "UPDATE ybvoyager.migrations SET workflow = 'offline'")
    error = files.refused("--migration-name", "mine", "--file-table-map", "a.csv:orders", code=2)
    assert "is of the offline workflow" in error["message"]
