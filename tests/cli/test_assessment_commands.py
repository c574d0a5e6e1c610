"""The real `assessment` commands against real servers: what they print, write, refuse and leave alone."""

from __future__ import annotations

import csv
import json
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint

SCHEMA = '''
    CREATE SCHEMA "Sales Data";
    CREATE TYPE mood AS ENUM ('fine', 'bad');
    CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, address inet);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, placed timestamptz,
        doc xml, spot point);
    CREATE TABLE "Sales Data"."Odd ""Name""" (id int PRIMARY KEY, snapshot txid_snapshot, state mood);
    CREATE INDEX orders_placed ON orders (placed);
    CREATE INDEX orders_spot ON orders USING gist (spot);
    CREATE INDEX customers_name ON customers (name);
    CREATE INDEX customers_name_again ON customers (name, id);
    CREATE VIEW placed_today AS SELECT id, xmin FROM orders WHERE placed > current_date;
    CREATE FUNCTION hold(wanted bigint) RETURNS void LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_lock(wanted); END $$;
    INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 200) n;
    INSERT INTO orders SELECT n, 1 + n % 200, now() FROM generate_series(1, 1000) n;
    ANALYZE;
'''
EXPECTED = {
    ("UNSUPPORTED_DATATYPE_XML", "public.orders.doc"),
    ("UNSUPPORTED_DATATYPE_TXID_SNAPSHOT", 'Sales Data.Odd "Name".snapshot'),
    ("UNSUPPORTED_GIST_INDEX_METHOD", "orders_spot ON public.orders"),
    ("HOTSPOTS_ON_TIMESTAMP_INDEX", "orders_placed ON public.orders"),
    ("SYSTEM_COLUMN_XMIN", "public.placed_today"),
    ("ADVISORY_LOCKS", "public.hold"),
    ("MISSING_FOREIGN_KEY_INDEX", "public.orders"),
}
PUBLIC_KEYS = {
    "VoyagerVersion", "TargetDBVersion", "MigrationComplexity", "MigrationComplexityExplanation", "SchemaSummary",
    "Sizing", "AssessmentIssues", "TableIndexStats", "Notes",
}  # fmt: skip


@dataclass
class Dba:
    """Somebody in a directory who may connect to one database."""

    source: Endpoint
    directory: Path

    @property
    def place(self) -> Path:
        return self.directory / "my assessment"

    @property
    def where(self) -> tuple[str, ...]:
        source = self.source
        return (
            "--source-db-type", "postgresql", "--source-db-host", source.host, "--source-db-port", str(source.port),
            "--source-db-name", source.database, "--source-db-user", source.user,
        )  # fmt: skip

    @property
    def env(self) -> dict[str, str]:
        return {"SOURCE_DB_PASSWORD": self.source.password or ""}

    def type(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """`yb-voyager assessment WORDS --assessment-dir …`."""
        return drive.run_cli(
            "assessment", *words, "--assessment-dir", self.place, env={**self.env, **env}, cwd=self.directory
        )

    def assess(self, *more: object, **env: str) -> subprocess.CompletedProcess[str]:
        return self.type("run", *self.where, "--iops-capture-interval", 0, *more, **env)

    @property
    def json_report(self) -> Path:
        return self.place / "reports" / "migration_assessment_report.json"

    def read(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.json_report.read_text())
        return document


@pytest.fixture(scope="module")
def shop(source_server: Server) -> Endpoint:
    """A database with something of everything that an assessment talks about."""
    drive.execute(source_server.endpoint(), "DROP DATABASE IF EXISTS assessed_shop WITH (FORCE)")
    drive.execute(source_server.endpoint(), "CREATE DATABASE assessed_shop TEMPLATE template0")
    endpoint = source_server.endpoint("assessed_shop")
    drive.execute(endpoint, SCHEMA)
    return endpoint


@pytest.fixture
def dba(shop: Endpoint, tmp_path: Path) -> Dba:
    return Dba(shop, tmp_path)


def found(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(issue["Type"], issue["ObjectName"]) for issue in document["AssessmentIssues"]}


def test_a_run_writes_both_reports_and_says_what_it_found(dba: Dba):
    done = dba.assess("--target-db-version", "2024.2.0.0")
    assert done.returncode == 0, done.stderr
    document = dba.read()
    assert set(document) >= PUBLIC_KEYS
    assert found(document) >= EXPECTED
    assert document["TargetDBVersion"] == "2024.2.0.0"
    for said in ("2024.2.0.0", "Migration complexity", "UNSUPPORTED_DATATYPE_XML", str(dba.json_report)):
        assert said in done.stdout
    page = dba.json_report.with_suffix(".html").read_text()
    assert all(name in page for name in ("orders_spot", "placed_today", "pg_advisory_lock"))
    assert (dba.place / "sizing").is_dir()
    assert any((dba.place / "sizing").iterdir())
    lines = {name: (dba.place / name).read_text().splitlines() for name in ("metadata/schema/schema.sql",)}
    placed = [one for one in document["AssessmentIssues"] if one["File"]]
    assert {one["ObjectType"] for one in placed} >= {"INDEX", "COLUMN", "VIEW", "FUNCTION"}
    for one in placed:
        if one["Category"] != "unsupported_plpgsql_objects":
            assert lines[one["File"]][one["Line"] - 1].startswith(one["SqlStatement"].splitlines()[0])
        assert 1 <= one["Line"] <= len(lines[one["File"]])
    assert all(one["Line"] == 0 for one in document["AssessmentIssues"] if not one["File"])


def test_the_latest_stable_release_is_judged_for_unless_another_is_named(dba: Dba):
    from voyager.schema.issues.issue import LATEST_STABLE

    done = dba.assess("--output", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["report"]["TargetDBVersion"] == LATEST_STABLE
    # Advisory locks are supported there.
    assert "ADVISORY_LOCKS" not in {kind for kind, _ in found(document["report"])}


def test_what_scripts_collect_gives_the_same_findings_as_a_connection(dba: Dba, psql: Path):
    assert dba.assess("--target-db-version", "2024.2.0.0").returncode == 0
    connected = dba.read()
    scripts = dba.directory / "the scripts"
    done = drive.run_cli("assessment", "generate-scripts", "--source-db-type", "postgresql", "--output-dir", scripts)
    assert done.returncode == 0, done.stderr
    _run_scripts(psql, scripts, dba.source)
    other = Dba(dba.source, dba.directory / "elsewhere")
    other.directory.mkdir()
    taken = other.type("ingest-metadata", "--metadata-dir", scripts / "collected")
    assert taken.returncode == 0, taken.stderr
    reported = other.type("report", "--target-db-version", "2024.2.0.0")
    assert reported.returncode == 0, reported.stderr
    assert found(other.read()) >= {pair for pair in found(connected) if pair[1]}
    assert {one["ObjectType"]: one["TotalCount"] for one in other.read()["SchemaSummary"]["DatabaseObjects"]} == {
        one["ObjectType"]: one["TotalCount"] for one in connected["SchemaSummary"]["DatabaseObjects"]
    }


def test_taking_the_same_metadata_in_twice_changes_nothing(dba: Dba, psql: Path):
    scripts = dba.directory / "scripts"
    drive.run_cli("assessment", "generate-scripts", "--source-db-type", "postgresql", "--output-dir", scripts)
    _run_scripts(psql, scripts, dba.source)
    first = dba.type("ingest-metadata", "--metadata-dir", scripts / "collected")
    before = _content(dba.place / "metadata")
    second = dba.type("ingest-metadata", "--metadata-dir", scripts / "collected")
    assert (first.returncode, second.returncode) == (0, 0)
    assert before
    assert _content(dba.place / "metadata") == before


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: [lines[0].replace("row_count", "rows"), *lines[1:]], "row_count"),
        (lambda lines: [lines[0], lines[1].rsplit(",", 1)[0], *lines[2:]], "line 2"),
        (lambda lines: [lines[0], lines[1].rsplit(",", 1)[0] + ",many", *lines[2:]], "line 2"),
        (lambda lines: [], "table-row-counts.csv"),
    ],
    ids=["a column has another name", "a line is cut", "a number is a word", "the file is empty"],
)
def test_a_damaged_file_is_named_with_its_line_and_nothing_is_taken_in(
    dba: Dba, psql: Path, damage: Callable[[list[str]], list[str]], says: str
):
    scripts = dba.directory / "scripts"
    drive.run_cli("assessment", "generate-scripts", "--source-db-type", "postgresql", "--output-dir", scripts)
    _run_scripts(psql, scripts, dba.source)
    [path] = (scripts / "collected").rglob("table-row-counts.csv")
    assert len(list(csv.reader(path.open()))) > 2
    path.write_text("".join(f"{line}\n" for line in damage(path.read_text().splitlines())))
    done = dba.type("ingest-metadata", "--metadata-dir", scripts / "collected", "--output", "json")
    assert done.returncode == 2, done.stderr
    error = json.loads(done.stdout)["error"]
    told = " ".join([error["message"], error["hint"], *error["details"]])
    assert "table-row-counts.csv" in told
    assert says in told
    assert not (dba.place / "metadata").exists()


def test_a_report_for_another_release_needs_no_connection(dba: Dba):
    assert dba.assess("--target-db-version", "2024.2.0.0").returncode == 0
    done = dba.type("report", "--target-db-version", "2025.1.0.0")
    assert done.returncode == 0, done.stderr
    assert dba.read()["TargetDBVersion"] == "2025.1.0.0"
    assert "ADVISORY_LOCKS" not in {kind for kind, _ in found(dba.read())}


@pytest.mark.parametrize("given", ["2025", "fifteen", "1.2.3.4", "2025.1.0.0; DROP"])
def test_a_release_that_is_none_is_refused_before_anything_is_asked(dba: Dba, given: str):
    done = dba.assess("--target-db-version", given)
    assert done.returncode == 2
    assert "2025" in done.stderr
    assert not dba.place.exists()


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        ({"--source-db-port": "1"}, 8, "127.0.0.1"),
        ({"--source-db-user": "nobody_known"}, 9, "nobody_known"),
        ({"--source-db-name": "no_such_database"}, 2, "no_such_database"),
        ({"--source-db-schema": "no_such_schema"}, 2, "no_such_schema"),
        ({"--source-db-type": "sybase"}, 2, "sybase"),
    ],
    ids=["nobody listens", "an unknown user", "an unknown database", "an unknown schema", "an unknown engine"],
)
def test_a_source_that_cannot_be_assessed_leaves_no_directory(dba: Dba, change: dict[str, str], code: int, says: str):
    words = dict(zip(dba.where[::2], dba.where[1::2], strict=True)) | change
    flat = [word for pair in words.items() for word in pair]
    done = dba.type("run", *flat, "--iops-capture-interval", 0)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert not dba.json_report.exists()
    assert not (dba.place / "metadata").exists()


def test_a_wrong_password_is_refused_and_never_shown(dba: Dba):
    done = dba.assess(SOURCE_DB_PASSWORD="canary-8472")
    assert done.returncode == 9, done.stderr
    assert "canary-8472" not in done.stdout + done.stderr


def test_an_earlier_report_stays_when_a_later_run_fails(dba: Dba):
    assert dba.assess().returncode == 0
    before = _content(dba.place)
    assert dba.assess(SOURCE_DB_PASSWORD="wrong").returncode == 9
    assert {path: text for path, text in _content(dba.place).items() if "logs" not in path} == {
        path: text for path, text in before.items() if "logs" not in path
    }


def test_what_the_user_may_not_read_is_named_with_its_grant_and_the_rest_is_assessed(dba: Dba):
    drive.execute(dba.source, "DROP ROLE IF EXISTS assessor")
    drive.execute(dba.source, "CREATE ROLE assessor LOGIN PASSWORD 'assess'")
    drive.execute(dba.source, 'GRANT USAGE ON SCHEMA public, "Sales Data" TO assessor')
    limited = Dba(Endpoint("postgresql", dba.source.host, dba.source.port, dba.source.database, "assessor",
                           password="assess"), dba.directory)  # fmt: skip
    done = limited.assess("--output", "json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)["report"]
    assert document["Missing"], "a role without a grant sees no statistics of columns"
    assert any("GRANT" in (one.get("sql") or one.get("Sql") or "") for one in document["Missing"])
    assert ("UNSUPPORTED_DATATYPE_XML", "public.orders.doc") in found(document)


def test_an_empty_database_is_said_to_be_empty_and_leaves_nothing(
    source_server: Server, fresh_database: Callable[..., Endpoint], tmp_path: Path
):
    dba = Dba(fresh_database(source_server), tmp_path)
    done = dba.assess()
    assert done.returncode == 2
    assert "nothing to assess" in done.stderr
    assert not dba.place.exists()


def test_a_dry_run_shows_what_would_be_asked_and_writes_nothing(dba: Dba):
    done = dba.assess("--dry-run")
    assert done.returncode == 0, done.stderr
    assert "table-row-counts" in done.stdout
    assert not dba.place.exists()


def test_a_report_without_metadata_says_how_to_get_some(dba: Dba):
    done = dba.type("report")
    assert done.returncode == 2
    assert "assessment run" in done.stderr or "ingest-metadata" in done.stderr


def test_the_viewer_without_a_terminal_names_the_files(dba: Dba):
    assert dba.assess().returncode == 0
    done = dba.type("view")
    assert done.returncode == 2
    assert str(dba.json_report) in done.stderr


def test_the_panel_shows_steps_and_preliminary_findings_while_load_is_measured(dba: Dba):
    shown = _in_terminal(["run", *dba.where, "--iops-capture-interval", "4", "--assessment-dir", str(dba.place)], dba)
    for said in ("ASSESSMENT IN PROGRESS", "PRELIMINARY FINDINGS", "Migration complexity", "●", "○"):
        assert said in shown
    rates = [one["ReadsPerSecond"] for one in dba.read()["TableIndexStats"] if not one["IsIndex"]]
    assert None not in rates


def test_an_interrupted_run_keeps_nothing_and_says_so(dba: Dba):
    command = drive.command_line(
        "assessment", "run", *dba.where, "--iops-capture-interval", "60", "--assessment-dir", dba.place,
        "--progress", "json",
    )  # fmt: skip
    process = subprocess.Popen(
        command, env=drive.clean_environment(dba.env), stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        assert json.loads(line)["event"], line
        if "load" in line.lower():
            break
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=50)
    assert process.returncode == 130, told
    assert "everything finished is kept" not in told
    assert not dba.json_report.exists()
    assert not (dba.place / "metadata").exists()


@pytest.fixture(scope="session")
def psql() -> Path:
    """The client that comes with the embedded server."""
    from voyager.embedded import find_binaries

    return find_binaries() / "psql"


def _run_scripts(psql: Path, scripts: Path, source: Endpoint) -> None:
    """What the README tells the DBA to do."""
    run_all = scripts / "pg_run_all.sql"
    done = subprocess.run(
        [psql, "-h", source.host, "-p", str(source.port), "-U", source.user, "-d", source.database,
         "-v", "interval=0", "-f", run_all.name],
        cwd=scripts, env={**os.environ, "PGPASSWORD": source.password or ""}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    dumper = psql.with_name("pg_dump")
    (scripts / "collected" / "schema").mkdir(exist_ok=True)
    subprocess.run(
        [dumper, "-h", source.host, "-p", str(source.port), "-U", source.user, "-d", source.database, "-s",
         "--no-owner", "--no-privileges", "--no-comments", "--no-tablespaces", "-f",
         scripts / "collected" / "schema" / "schema.sql"],
        env={**os.environ, "PGPASSWORD": source.password or ""}, check=True,
    )  # fmt: skip


def _content(directory: Path) -> dict[str, bytes]:
    return {
        path.relative_to(directory).as_posix(): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path.suffix != ".lock"
    }


def _in_terminal(words: list[str], dba: Dba) -> str:
    """Run in a terminal of 110 columns and return everything it showed."""
    control, terminal = pty.openpty()
    environment = drive.clean_environment({**dba.env, "TERM": "xterm-256color", "COLUMNS": "110", "LINES": "50"})
    process = subprocess.Popen(
        drive.command_line("assessment", *words), env=environment, stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = b""
    until = time.monotonic() + 120
    while time.monotonic() < until:
        ready, _, _ = select.select([control], [], [], 0.5)
        if ready:
            try:
                part = os.read(control, 65536)
            except OSError:
                break
            if not part:
                break
            shown += part
    assert process.wait(timeout=60) == 0, shown.decode(errors="replace")[-2000:]
    return shown.decode(errors="replace")
