"""Names that break quoting, paths, formats, terminals and markup go through the whole pipeline as what they are."""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import subprocess
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import schema_snapshot, snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import start_server
from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier, TableName, quote_literal

HOSTILE = (
    'a"b',
    "a'b",
    "a;DROP TABLE canary;--",
    "'; DROP TABLE public.canary; --",
    '"; DROP TABLE public.canary; --',
    "line\nbreak",
    "\\! touch owned\n\\q",
    "%s %(x)s",
    "{0} {}",
    "$$ $1 $body$",
    "\\N",
    "back\\slash",
    "\U0001f418 elephant",
    "n" * 63,
    "select",
    "User",
    "user",
    " leading and trailing ",
    "../../x",
    "/etc/passwd",
    "-rf",
    "[bold]red[/bold]",
    "[/]",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m\x07",
    "tab\tname\rreturn",
    "ctid.x",
    "*",
    "a.b",
    "a,b",
    "#1",
    "--",
    "/* comment",
    ":name",
    "?",
    "\u202eright to left",
)
SCHEMAS = ("sch\"e'ma;DROP TABLE canary", "[red]../x\n\x1b[2J", "Upper", "upper")

NAME = '[bold]m\'; DROP TABLE "canary"; -- $(touch owned)'
SEQUENCES = [
    TableName(SCHEMAS[number % len(SCHEMAS)], f"s{number}{name}"[:63]).sql for number, name in enumerate(HOSTILE)
]
LABELS = (
    "SELECT t.typname, e.enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid ORDER BY 1, e.enumsortorder"
)
COMMENTS = "SELECT c.relname, d.description FROM pg_description d JOIN pg_class c ON c.oid = d.objoid ORDER BY 1, 2"


@dataclass(frozen=True)
class Told:
    """A migration, and every command that was run on it."""

    migration: Trial
    said: list[subprocess.CompletedProcess[str]]


def build(endpoint: Endpoint) -> None:
    """One table, sequence, enum, constraint, index and view for each hostile name, over four hostile schemas."""
    statements = ["CREATE TABLE public.canary (id int PRIMARY KEY)", "INSERT INTO public.canary VALUES (1)"]
    statements.append("CREATE EXTENSION pg_stat_statements")
    statements += [f"CREATE SCHEMA {Identifier(schema).sql}" for schema in SCHEMAS]
    for number, name in enumerate(HOSTILE):
        schema = SCHEMAS[number % len(SCHEMAS)]

        def named(prefix: str, schema: str = schema, name: str = name, number: int = number) -> str:
            return TableName(schema, f"{prefix}{number}{name}"[:63]).sql

        word, table, label = Identifier(name).sql, TableName(schema, name).sql, quote_literal(name)
        check, key, index = (Identifier(f"{prefix}{number}{name}"[:63]).sql for prefix in "cfi")
        statements += [
            f"CREATE SEQUENCE {named('s')} START 100",
            f"CREATE TYPE {named('e')} AS ENUM ({label}, 'plain')",
            f"CREATE TABLE {table} ({word} bigint PRIMARY KEY DEFAULT nextval({quote_literal(named('s'))}), "
            f"v {named('e')} DEFAULT {label}, t text DEFAULT {label}, parent bigint, "
            f"CONSTRAINT {check} CHECK ({word} > 0))",
            f"ALTER TABLE {table} ADD CONSTRAINT {key} FOREIGN KEY (parent) REFERENCES {table} ({word})",
            f"CREATE INDEX {index} ON {table} (t, {word})",
            f"COMMENT ON TABLE {table} IS {label}",
            f"CREATE VIEW {named('w')} AS SELECT {word} FROM {table}",
            f"INSERT INTO {table} SELECT FROM generate_series(1, 3)",
        ]
    with drive.connect(endpoint) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def raw_controls(text: str) -> list[str]:
    """Characters that could move a cursor or hide text, but the line ends of the output itself."""
    return sorted({c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}})


@pytest.fixture(scope="module")
def migrated(servers_directory: Path, tmp_path_factory: Any) -> Iterator[Told]:
    """A migration of hostile names by the name of NAME, and what its commands said. The servers count queries."""
    directory = tmp_path_factory.mktemp("hostile [bold]'names' $(touch owned)")
    with contextlib.ExitStack() as open_servers:
        settings = {"shared_preload_libraries": "pg_stat_statements"}
        source, target = (
            open_servers.enter_context(
                database(open_servers.enter_context(start_server(servers_directory / name, settings=settings)))
            )
            for name in ("hostile-source", "hostile-target")
        )
        migration = trial(source, target, directory, name=NAME, within=True)
        build(source)
        said = [
            migration.attempt(*words)
            for words in (
                ("init",),
                ("export", "schema", "--comments-on-objects"),
                ("next", "--until", "VERIFY"),
                ("export", "data", "status", "--all"),
                ("import", "data", "status", "--all"),
                ("status",),
                ("next",),
                ("history",),
            )
        ]
        for end in (source, target):
            ask(end)
        said += [
            migration.attempt(*words)
            for words in (("compare-performance",), ("next", "--run", "CUTOVER"), ("next", "--until", "FINALIZE"))
        ]
        yield Told(migration, said)


def ask(endpoint: Endpoint) -> None:
    """What an application asks of every hostile table, often enough to be judged."""
    with drive.connect(endpoint) as connection:
        for number, name in enumerate(HOSTILE):
            table = TableName(SCHEMAS[number % len(SCHEMAS)], name).sql
            for _ in range(6):
                connection.execute(f"SELECT {Identifier(name).sql} FROM {table} WHERE parent IS NULL".encode())


@pytest.mark.slow
def test_queries_on_hostile_names_are_matched_and_reported(migrated: Told) -> None:
    report = json.loads((migrated.migration.export_dir / "reports" / "performance_report.json").read_text())
    assert report["summary"]["matched"] == len(HOSTILE)
    page = (migrated.migration.export_dir / "reports" / "performance_report.html").read_text()
    assert "<script>alert(1)</script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_both_databases_hold_the_same_under_the_same_names(migrated: Told) -> None:
    source, target = migrated.migration.source, migrated.migration.target
    assert snapshot(target) == snapshot(source)
    assert schema_snapshot(target) == schema_snapshot(source)
    assert drive.fetch(target, LABELS) == drive.fetch(source, LABELS)
    assert drive.fetch(target, COMMENTS) == drive.fetch(source, COMMENTS)
    assert drive.fetch(target, "SELECT count(*) FROM public.canary") == [(1,)]
    for name in SEQUENCES:
        assert drive.fetch(target, "SELECT nextval(%s)", [name]) > [(102,)]


def test_no_name_reaches_the_terminal_raw(migrated: Told) -> None:
    for done in migrated.said:
        assert raw_controls(done.stdout + done.stderr) == [], done.args
    shown = "".join(done.stdout for done in migrated.said)
    assert "[bold]red[/bold]" in shown
    assert "\\x1b[31mred" in shown
    assert "\\u202eright" in shown


def test_documents_hold_the_names_as_they_are(migrated: Told) -> None:
    wanted = {(SCHEMAS[number % len(SCHEMAS)], name) for number, name in enumerate(HOSTILE)} | {("public", "canary")}
    for words in (("export", "data", "status"), ("import", "data", "status")):
        document = migrated.migration.document(*words)
        assert {(row["schema"], row["table"]) for row in document["tables"] if row["schema"]} == wanted
    assert migrated.migration.document("status")["migration"]["name"] == NAME


def test_files_stay_in_export_dir_and_are_not_named_after_tables(migrated: Told) -> None:
    export_dir = migrated.migration.export_dir
    assert list(export_dir.parent.iterdir()) == [export_dir]
    names = [str(path.relative_to(export_dir)) for path in export_dir.rglob("*")]
    assert [name for name in names if not re.fullmatch(r"[a-z0-9_./-]+", name)] == []


def test_the_command_it_offers_can_be_pasted_into_a_shell(migrated: Told, tmp_path: Path) -> None:
    program = tmp_path / "yb-voyager"
    program.write_text(f'#!/bin/sh\nexec {shlex.join(drive.command_line())} "$@"\n')
    program.chmod(0o755)
    line = migrated.migration.document("next")["next"]["command_line"]
    environment = drive.clean_environment(migrated.migration.environment)
    done = subprocess.run(
        ["sh", "-c", f"{line} --dry-run"],
        env={**environment, "PATH": f"{tmp_path}:{environment['PATH']}"},
        cwd=migrated.migration.export_dir.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(migrated.migration.export_dir.parent.iterdir()) == [migrated.migration.export_dir]
