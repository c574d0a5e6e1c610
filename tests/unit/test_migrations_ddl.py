"""The DDL of the ybvoyager schema, as text: what YugabyteDB and a DBA may rely on."""

from __future__ import annotations

import re

import pytest

from migrations_ddl import DdlFile, ddl_files

STATEMENTS = [statement for file in ddl_files() for statement in file.statements]


def test_the_files_are_numbered_without_a_gap() -> None:
    assert [file.number for file in ddl_files()] == list(range(1, len(ddl_files()) + 1))


def test_a_file_is_cut_at_the_semicolons_that_end_a_line() -> None:
    file = DdlFile(1, "0001_x.sql", "-- a; b\n\nCREATE TABLE IF NOT EXISTS t (\n    a text DEFAULT ';'\n);\n-- c\nX;")
    assert file.statements == ("CREATE TABLE IF NOT EXISTS t (\n    a text DEFAULT ';'\n)", "X")


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text.splitlines()[0][:60])
def test_a_statement_may_be_repeated_and_moves_no_rows(statement: str) -> None:
    first = statement.splitlines()[0]
    assert first.startswith("CREATE OR REPLACE VIEW ") or " IF NOT EXISTS " in first
    assert not re.search(r"\b(INSERT|UPDATE|DELETE|DROP|TRUNCATE)\b", statement)


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda text: text.splitlines()[0][:60])
def test_every_object_is_named_with_its_schema(statement: str) -> None:
    assert re.match(
        r"CREATE (SCHEMA IF NOT EXISTS ybvoyager$"
        r"|(TABLE IF NOT EXISTS|OR REPLACE VIEW) ybvoyager\.\w+"
        r"|(UNIQUE )?INDEX IF NOT EXISTS \w+ ON ybvoyager\.)"
        r"|ALTER TABLE ybvoyager\.\w+ ADD COLUMN IF NOT EXISTS ",
        statement,
    )
    assert not re.search(r"\b(FROM|JOIN) (?!ybvoyager\.|\(|LATERAL|jsonb_each\()", statement)


def test_what_many_write_at_once_leads_with_a_uuid() -> None:
    for statement in STATEMENTS:
        if statement.startswith("CREATE TABLE") and "ybvoyager.schema_version" not in statement:
            key = re.search(r"PRIMARY KEY \((\w+)", statement) or re.search(r"(\w+) uuid PRIMARY KEY", statement)
            assert key is not None
            assert re.search(rf"^    {key[1]} uuid", statement, re.MULTILINE), statement.splitlines()[0]


def test_nothing_needs_what_yugabytedb_lacks() -> None:
    lacking = r"\b(GENERATED|SERIAL|REFERENCES|EXCLUDE|DEFERRABLE|advisory|LISTEN|NOTIFY|ctid|xmin)\b"
    assert not [statement for statement in STATEMENTS if re.search(lacking, statement, re.IGNORECASE)]
