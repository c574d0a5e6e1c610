"""The scripts for DBAs, run by the real psql: the same answers as over a connection, taken in and judged the same."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from tests.assessed import SCHEMA, SCHEMAS, SETTINGS, collected, plain
from voyager.assessment.ingest import ingest, inspect_metadata
from voyager.assessment.scripts import plan_scripts, write_scripts
from voyager.assessment_dir import AssessmentDir
from voyager.embedded import Server, find_binaries, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.sources import questions_of
from voyager.sources.postgresql.metadata import schema_list

COUNTERS = {"db-queries-summary", "table-index-usage-stats", "table-index-iops-initial", "table-index-iops-final"}


@pytest.fixture(scope="module", params=[18, 15])
def server(request: pytest.FixtureRequest, servers_directory: Path) -> Iterator[Server]:
    binaries = None if request.param == 18 else system_binaries().get(request.param)
    if request.param != 18 and binaries is None:
        pytest.skip("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
    with start_server(servers_directory / f"scripted{request.param}", binaries=binaries, settings=SETTINGS) as server:
        drive.execute(server.endpoint(), "CREATE ROLE scripter LOGIN PASSWORD 'x'")
        yield server


@pytest.fixture
def endpoint(server: Server, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    endpoint = fresh_database(server)
    drive.execute(endpoint, SCHEMA + "CREATE EXTENSION pg_stat_statements SCHEMA elsewhere;")
    return replace(endpoint, schemas=SCHEMAS)


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    place = tmp_path / "scripts for the DBA"
    write_scripts("postgresql", place)
    return place


def environment(endpoint: Endpoint) -> dict[str, str]:
    """A DBA's: the programs on PATH, the password where libpq looks for it."""
    path = os.pathsep.join([str(find_binaries()), os.environ.get("PATH", "")])
    return {**drive.clean_environment(), "PATH": path, "PGPASSWORD": endpoint.password or ""}


def run_psql(
    endpoint: Endpoint, scripts: Path, script: str = "pg_run_all.sql", **variables: object
) -> subprocess.CompletedProcess[str]:
    """As README.md says: plain psql, from the directory of the scripts."""
    options = {"schemas": schema_list(endpoint.schemas), "interval": 0, **variables}
    return subprocess.run(
        ["psql", "-X", "-h", endpoint.host, "-p", str(endpoint.port), "-U", endpoint.user, "-d", endpoint.database,
         *(word for name, value in options.items() for word in ("-v", f"{name}={value}")), "-f", script],
        cwd=scripts, env=environment(endpoint), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def dump_as_told(told: str, endpoint: Endpoint, scripts: Path) -> None:
    """Paste the command that the script printed."""
    command = told[told.index("mkdir -p ") :]
    subprocess.run(
        ["sh", "-ec", command], cwd=scripts, env=environment(endpoint), check=True, capture_output=True, timeout=120
    )


def test_psql_writes_byte_for_byte_what_is_collected_over_a_connection(
    endpoint: Endpoint, scripts: Path, tmp_path: Path
) -> None:
    done = run_psql(endpoint, scripts, interval=1)
    assert (done.returncode, done.stderr) == (0, "")
    metadata = collected(endpoint, tmp_path / "a", interval_seconds=1)
    by_driver = tmp_path / "a" / "metadata" / "node-primary"
    for question in questions_of("postgresql"):
        theirs, ours = (place / f"{question.name}.csv" for place in (scripts / "collected", by_driver))
        if question.name not in COUNTERS:
            assert theirs.read_bytes() == ours.read_bytes(), question.name
        assert theirs.read_text().splitlines()[0] == ours.read_text().splitlines()[0]
    dump_as_told(done.stdout, endpoint, scripts)
    taken = ingest(scripts / "collected", AssessmentDir(tmp_path / "b"))
    for name in ("table_index_usage_stats", "table_index_iops"):
        keys = ("schema_name", "object_name", "object_type")
        assert [[row[key] for key in keys] for row in plain(taken, name)] == [
            [row[key] for key in keys] for row in plain(metadata, name)
        ]
    assert (taken.engine, taken.database, taken.version, taken.schemas, taken.missing) == (
        metadata.engine, metadata.database, metadata.version, metadata.schemas, metadata.missing,
    )  # fmt: skip
    assert definitions(taken.ddl) == definitions(metadata.ddl)
    assert taken.capture_seconds is not None
    assert taken.facts["system_identifier"] == metadata.facts["system_identifier"]


def test_each_script_can_be_run_alone(endpoint: Endpoint, scripts: Path) -> None:
    assert run_psql(endpoint, scripts).returncode == 0
    together = {path.name: path.read_bytes() for path in (scripts / "collected").glob("*.csv")}
    for name, content in together.items():
        (scripts / "collected" / name).unlink()
        done = run_psql(endpoint, scripts, f"pg_{name.removesuffix('.csv').replace('-', '_')}.sql")
        assert (done.returncode, done.stderr) == (0, "")
        if name.removesuffix(".csv") not in COUNTERS:
            assert (scripts / "collected" / name).read_bytes() == content


def definitions(ddl: str) -> list[str]:
    """Without psql's own commands, which hold a token that is new every time."""
    return [line for line in ddl.splitlines() if not line.startswith("\\")]


def test_every_script_holds_the_very_text_that_the_driver_sends(scripts: Path) -> None:
    for question in questions_of("postgresql"):
        text = (scripts / f"pg_{question.name.replace('-', '_')}.sql").read_text()
        assert f"COPY (\n{question.sql}\n) TO STDOUT" in text


def test_queries_of_the_application_are_told_and_those_of_the_scripts_are_not(
    endpoint: Endpoint, scripts: Path
) -> None:
    drive.fetch(endpoint, "SELECT id FROM shop.orders WHERE note = 'a'")
    for _ in range(2):
        assert run_psql(endpoint, scripts).returncode == 0
    content = (scripts / "collected" / "db-queries-summary.csv").read_text()
    assert "SELECT id FROM shop.orders WHERE note = $1" in content
    assert "shop.orders" in content
    assert "chosen" not in content


def test_nothing_is_written_to_the_database(endpoint: Endpoint, scripts: Path) -> None:
    def assigned() -> int:
        """Whoever writes takes a transaction number; whoever only looks does not."""
        return int(drive.fetch(endpoint, "SELECT txid_snapshot_xmax(txid_current_snapshot())")[0][0])

    before = assigned()
    done = run_psql(endpoint, scripts, interval=1)
    assert done.returncode == 0, done.stderr
    dump_as_told(done.stdout, endpoint, scripts)
    assert assigned() == before


def test_a_role_without_rights_gets_what_it_may_see_and_the_report_names_the_rest(
    endpoint: Endpoint, scripts: Path
) -> None:
    limited = replace(endpoint, user="scripter", password="x")
    done = run_psql(limited, scripts)
    assert done.returncode == 0, done.stderr
    assert not (scripts / "collected" / "db-queries-summary.csv").exists()
    dump_as_told(done.stdout, limited, scripts)
    metadata = inspect_metadata(scripts / "collected")
    missing = {one.what: one for one in metadata.missing}
    assert missing["5 tables"].sql.startswith("GRANT USAGE ON SCHEMA ")
    assert "may not read pg_stat_statements" in missing["Queries"].reason
    assert "CREATE TABLE shop.orders" not in metadata.ddl
    assert "CREATE FUNCTION shop.twice" in metadata.ddl


def test_a_schema_that_does_not_exist_stops_the_script_at_once(endpoint: Endpoint, scripts: Path) -> None:
    done = run_psql(replace(endpoint, schemas=("shop", "shopp")), scripts)
    assert done.returncode != 0
    assert 'The database has no schema ["shopp"]' in done.stderr
    assert list((scripts / "collected").iterdir()) == []


def test_a_directory_that_does_not_exist_stops_the_script(endpoint: Endpoint, scripts: Path) -> None:
    done = run_psql(endpoint, scripts, dir="nowhere")
    assert done.returncode != 0
    assert "nowhere" in done.stderr


def test_a_run_that_was_cut_off_is_not_taken_for_a_whole_one(endpoint: Endpoint, scripts: Path) -> None:
    (scripts / "pg_redundant_indexes.sql").write_text("SELECT 1/0;\n")
    assert run_psql(endpoint, scripts).returncode != 0
    assert not (scripts / "collected" / "database.json").exists()


def test_all_schemas_are_read_when_none_is_given(endpoint: Endpoint, scripts: Path) -> None:
    done = run_psql(replace(endpoint, schemas=()), scripts)
    assert done.returncode == 0, done.stderr
    facts = json.loads((scripts / "collected" / "database.json").read_text())
    assert set(facts["schemas"]) == {*SCHEMAS, "elsewhere", "public"}


def test_a_database_of_another_encoding_answers_in_utf8(
    server: Server, fresh_database: Callable[..., Endpoint], scripts: Path, tmp_path: Path
) -> None:
    name = f"latin_{os.getpid()}"
    drive.execute(server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        endpoint = replace(server.endpoint(name), schemas=("café",))
        drive.execute(
            endpoint,
            """
            CREATE SCHEMA "café"; CREATE TABLE "café"."été" ("où" text);
            INSERT INTO "café"."été" SELECT 'à la carte' FROM generate_series(1, 9);
            ANALYZE;
            """,
        )
        done = run_psql(endpoint, scripts)
        assert done.returncode == 0, done.stderr
        collected(endpoint, tmp_path / "a")
        for file in ("column_statistics.csv", "table-columns-data-types.csv"):
            content = (scripts / "collected" / file).read_bytes()
            assert "été".encode() in content
            assert content == (tmp_path / "a" / "metadata" / "node-primary" / file).read_bytes()
    finally:
        drive.execute(server.endpoint(), f"DROP DATABASE {name}")


def test_writing_the_scripts_again_changes_nothing(scripts: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in scripts.rglob("*")}
    (scripts / "collected" / "database.json").write_text("{}")
    assert write_scripts("postgresql", scripts) == [scripts / name for name in plan_scripts("postgresql")]
    assert {path: path.stat().st_mtime_ns for path in before if path.is_file()} == {
        path: time for path, time in before.items() if path.is_file()
    }
    assert (scripts / "collected" / "database.json").exists()


def test_the_manifest_holds_for_every_file_and_a_stale_script_goes(scripts: Path) -> None:
    manifest = json.loads((scripts / "manifest.json").read_text())
    listed = {one["name"]: one["sha256"] for one in manifest["scripts"]}
    present = {path.name for path in scripts.iterdir() if path.is_file()} - {"manifest.json"}
    assert listed.keys() == present
    assert {name: hashlib.sha256((scripts / name).read_bytes()).hexdigest() for name in present} == listed
    answers = {one["name"]: one["columns"] for one in manifest["answers"]}
    assert answers == {f"{one.name}.csv": list(one.columns) for one in questions_of("postgresql")}
    (scripts / "pg_of_an_earlier_version.sql").write_text("")
    manifest["scripts"].append({"name": "pg_of_an_earlier_version.sql", "sha256": ""})
    (scripts / "manifest.json").write_text(json.dumps(manifest))
    write_scripts("postgresql", scripts)
    assert not (scripts / "pg_of_an_earlier_version.sql").exists()


def test_a_directory_with_other_things_in_it_is_left_alone(scripts: Path, tmp_path: Path) -> None:
    other = tmp_path / "notes"
    other.mkdir()
    (other / "todo.txt").write_text("mine")
    with pytest.raises(UsageError, match="not scripts of ours"):
        write_scripts("postgresql", other)
    assert [path.name for path in other.iterdir()] == ["todo.txt"]
    with pytest.raises(UsageError, match="is a file"):
        write_scripts("postgresql", other / "todo.txt")
    manifest = json.loads((scripts / "manifest.json").read_text())
    (scripts / "manifest.json").write_text(json.dumps({**manifest, "engine": "oracle"}))
    with pytest.raises(UsageError, match="scripts for oracle"):
        write_scripts("postgresql", scripts)


def test_the_readme_names_what_each_file_needs_and_how_to_run_it(scripts: Path) -> None:
    readme = (scripts / "README.md").read_text()
    for question in questions_of("postgresql"):
        assert f"{question.name}.csv" in readme
    for needed in ("pg_run_all.sql", "GRANT pg_read_all_stats", "-v node=", "ingest-metadata"):
        assert needed in readme
