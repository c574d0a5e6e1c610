"""Schema files: written from statements, read back as an operator left them."""

from __future__ import annotations

from pathlib import Path

import pytest

from voyager.errors import UsageError
from voyager.schema.files import read_schema_files, write_schema_files
from voyager.schema.lexer import ParseError
from voyager.schema.statements import classify


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_files_are_private_and_stand_one_per_kind(tmp_path: Path) -> None:
    files = write_schema_files([classify("CREATE TABLE s.t ()"), classify("CREATE SCHEMA s")], tmp_path)
    assert files == ("schemas/schema.sql", "tables/table.sql")
    assert (tmp_path / "tables/table.sql").read_bytes() == b"CREATE TABLE s.t ();\n\n"
    assert (tmp_path / "tables/table.sql").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "tables").stat().st_mode & 0o777 == 0o700


def test_writing_again_removes_what_the_source_no_longer_has(tmp_path: Path) -> None:
    write_schema_files([classify("CREATE TABLE s.t ()"), classify("CREATE VIEW s.v AS SELECT 1")], tmp_path)
    write_schema_files([classify("CREATE TABLE s.t ()")], tmp_path)
    assert [one.kind for one in read_schema_files(tmp_path)] == ["table"]


def test_a_carriage_return_in_a_body_survives(tmp_path: Path) -> None:
    text = "CREATE FUNCTION s.f() RETURNS text LANGUAGE sql AS $$ SELECT 'a\r\nb' $$"
    write_schema_files([classify(text)], tmp_path)
    assert [one.text for one in read_schema_files(tmp_path)] == [text]


def test_an_edited_file_may_have_a_byte_order_mark_dos_lines_and_comments(tmp_path: Path) -> None:
    write(
        tmp_path / "tables/table.sql",
        b"\xef\xbb\xbf-- mine; not theirs\r\nCREATE TABLE s.t (\r\n  a int -- why;\r\n);\r\n"
        b"/* gone: CREATE TABLE s.u (); */\r\n"
        b"create view s.v as select 1",
    )
    table, view = read_schema_files(tmp_path)
    assert (table.line, table.file, table.text) == (
        2,
        "tables/table.sql",
        "CREATE TABLE s.t (\r\n  a int -- why;\r\n)",
    )
    assert (view.line, view.kind) == (6, "view")


def test_the_hash_of_a_statement_changes_with_its_text_only(tmp_path: Path) -> None:
    write(tmp_path / "tables/table.sql", b"CREATE TABLE s.t (a int);")
    [before] = read_schema_files(tmp_path)
    write(tmp_path / "tables/table.sql", b"-- a comment\n\nCREATE TABLE s.t (a int)\n;")
    [moved] = read_schema_files(tmp_path)
    write(tmp_path / "tables/table.sql", b"CREATE TABLE s.t (a bigint);")
    [changed] = read_schema_files(tmp_path)
    assert before.sha256 == moved.sha256 != changed.sha256


def test_a_file_that_an_operator_added_is_read_last(tmp_path: Path) -> None:
    write(tmp_path / "extra files/mine.sql", b"CREATE TABLE s.extra ();")
    write_schema_files([classify("CREATE TABLE s.t ()")], tmp_path)
    assert [one.file for one in read_schema_files(tmp_path)] == ["tables/table.sql", "extra files/mine.sql"]


def test_a_file_that_is_not_utf8_is_refused_by_name(tmp_path: Path) -> None:
    write(tmp_path / "tables/table.sql", b"CREATE TABLE s.\xff ();")
    with pytest.raises(UsageError, match=r"table\.sql is not UTF-8"):
        read_schema_files(tmp_path)


def test_an_unclosed_quote_is_refused_with_file_and_line(tmp_path: Path) -> None:
    write(tmp_path / "tables/table.sql", b'CREATE TABLE s.t ();\nCREATE TABLE s."u ();')
    with pytest.raises(ParseError, match=r"table\.sql, line 2"):
        read_schema_files(tmp_path)


def test_an_empty_or_missing_directory_holds_no_statements(tmp_path: Path) -> None:
    assert read_schema_files(tmp_path) == []
    assert read_schema_files(tmp_path / "missing") == []


def test_the_list_of_failed_statements_is_not_read_back(tmp_path: Path) -> None:
    write(tmp_path / "failed.sql", b"CREATE TABLE s.t ();")
    assert read_schema_files(tmp_path) == []
