"""A fleet of real databases, assessed by the real command: failures, kills, resumption, comparison, report."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import wait_until
from voyager.endpoint import Endpoint

TENANT = """
    CREATE SCHEMA {schema};
    CREATE TABLE {schema}.customers (id bigint PRIMARY KEY, name text NOT NULL, doc xml);
    CREATE TABLE {schema}.orders (id bigint PRIMARY KEY, customer bigint REFERENCES {schema}.customers, at timestamptz);
    CREATE INDEX orders_at ON {schema}.orders (at);
    INSERT INTO {schema}.customers SELECT n, 'customer ' || n FROM generate_series(1, 100) n;
    ANALYZE;
"""
CHANGED = TENANT.replace("name text", "name varchar(40)")
LONE = "CREATE TABLE lone (id int PRIMARY KEY, spot point); CREATE INDEX ON lone USING gist (spot);"


@dataclass
class Operator:
    """Somebody with a fleet file."""

    directory: Path
    databases: dict[str, Endpoint]
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        return self.directory / "my fleet"

    def write_file(self, **more: Any) -> Path:
        """A fleet file; a password is in the environment unless told otherwise."""
        path = self.directory / "fleet.yaml"
        listed = [
            {
                "name": name, "engine": "postgresql", "host": one.host, "port": one.port, "database": one.database,
                "user": one.user, "password": {"env": f"PASSWORD_OF_{name.upper()}"}, "labels": {"team": "shop"},
                **more.get(name, {}),
            }
            for name, one in self.databases.items()
        ]  # fmt: skip
        # JSON is YAML.
        path.write_text(json.dumps({"databases": listed}, indent=1))
        return path

    @property
    def env(self) -> dict[str, str]:
        known = {name: one.password or "" for name, one in self.databases.items()}
        return {f"PASSWORD_OF_{name.upper()}": word for name, word in {**known, **self.passwords}.items()}

    def words(self, *words: object) -> tuple[object, ...]:
        return ("assessment", "fleet", words[0], "--fleet-dir", self.place, *words[1:])

    def type(self, *words: object) -> subprocess.CompletedProcess[str]:
        return drive.run_cli(*self.words(*words), env=self.env, cwd=self.directory)

    def assess(self, *words: object, seconds: int = 0) -> subprocess.CompletedProcess[str]:
        interval = ("--iops-capture-interval", seconds)
        return self.type("assess", "--fleet-file", self.directory / "fleet.yaml", *interval, *words)

    def start(self, *words: object, seconds: int) -> subprocess.Popen[str]:
        file = ("--fleet-file", self.directory / "fleet.yaml")
        line = self.words("assess", *file, "--iops-capture-interval", seconds, *words)
        return drive.start_cli(*line, env=self.env, cwd=self.directory)

    def state(self) -> dict[str, dict[str, Any]]:
        path = self.place / "fleet.json"
        return {one["name"]: one for one in json.loads(path.read_text())["members"]} if path.exists() else {}

    def sessions(self, name: str) -> int:
        """Of anybody else in a database."""
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        return int(drive.fetch(self.databases[name], others)[0][0])

    def statuses(self) -> dict[str, str]:
        return {name: one["status"] for name, one in self.state().items()}


@pytest.fixture
def operator(source_server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Operator:
    """Three databases: two tenants of one application, and something else."""
    databases = {name: fresh_database(source_server) for name in ("alpha", "beta", "gamma")}
    drive.execute(databases["alpha"], TENANT.format(schema="app"))
    drive.execute(databases["beta"], TENANT.format(schema="tenant"))
    drive.execute(databases["gamma"], LONE)
    found = Operator(tmp_path, databases)
    found.write_file()
    return found


def ended(done: subprocess.CompletedProcess[str], code: int = 0) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def wait_for(holds: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.1)


def test_a_wrong_password_fails_one_database_and_the_others_are_assessed(operator: Operator):
    operator.passwords["beta"] = "canary-wrong"
    done = ended(operator.assess("--output", "json"), 4)
    document = json.loads(done.stdout)
    assert next(iter(document)) == "schema_version"
    assert operator.statuses() == {"alpha": "COMPLETE", "beta": "ERROR", "gamma": "COMPLETE"}
    assert document["error"]["exit_code"] == 4
    assert "beta" in document["error"]["message"]
    assert "alpha" not in "".join(document["error"]["details"])
    assert operator.state()["beta"]["failure"]["exit_code"] == 9
    everything = [path for path in operator.place.rglob("*") if path.is_file()]
    secrets = [word.encode() for word in operator.env.values() if word]
    assert secrets
    assert not [path for path in everything for secret in secrets if secret in path.read_bytes()]
    assert not any(secret.decode() in done.stdout + done.stderr for secret in secrets)

    before = operator.state()
    del operator.passwords["beta"]
    ended(operator.assess())
    after = operator.state()
    assert set(operator.statuses().values()) == {"COMPLETE"}
    assert after["alpha"] == before["alpha"]
    assert after["beta"]["attempts"] == 2


def test_databases_are_compared_and_reported_as_one(operator: Operator):
    drive.execute(operator.databases["gamma"], CHANGED.format(schema="changed"))
    ended(operator.assess("--parallel-jobs", 3))
    compared = json.loads(ended(operator.type("compare", "--output", "json")).stdout)
    rows = {row["name"]: row for row in compared["databases"]}
    assert [rows[name]["tables"] for name in ("alpha", "beta", "gamma")] == [2, 2, 3]
    common = {issue["type"]: issue["databases"] for issue in compared["issues"] if len(issue["databases"]) > 1}
    assert common["UNSUPPORTED_DATATYPE_XML"] == {"alpha": 1, "beta": 1, "gamma": 1}
    assert "UNSUPPORTED_GIST_INDEX_METHOD" not in common
    shared = [
        ({(one["database"], one["schema"]) for one in found["schemas"]}, found["objects"])
        for found in compared["shared_schemas"]
    ]
    assert shared == [({("alpha", "app"), ("beta", "tenant"), ("gamma", "changed")}, 3)]
    assert compared["shared_schemas"][0]["definitions"] == "different"
    two = json.loads(ended(operator.type("compare", "alpha", "beta", "--output", "json")).stdout)
    assert two["shared_schemas"][0]["definitions"] == "equal"

    written = json.loads(ended(operator.type("report", "--output", "json")).stdout)
    as_json, as_html = map(Path, written["reports"])
    report = json.loads(as_json.read_text())
    assert [one["Status"] for one in report["Detail"]] == ["COMPLETE"] * 3
    assert report["totals"]["tables"] == 7
    assert report["totals"]["by_label"]["team"]["shop"]["databases"] == 3
    assert "alpha/reports/migration_assessment_report.html" in as_html.read_text()
    assert (operator.place / "alpha/reports/migration_assessment_report.html").is_file()
    for words in (("compare",), ("report",), ("compare", "alpha", "beta")):
        plain = ended(operator.type(*words)).stdout
        assert "alpha" in plain
        assert "3 x 4 vCPU" in plain


def test_a_dry_run_says_what_would_be_done_and_does_nothing(operator: Operator):
    done = json.loads(ended(operator.assess("--dry-run", "--output", "json")).stdout)
    assert [one["action"] for one in done["members"]] == ["assess"] * 3
    assert "assessment run --source-db-type=postgresql" in done["members"][0]["command_line"]
    assert done["members"][0]["password_from"] == "environment variable PASSWORD_OF_ALPHA"
    assert not operator.place.exists()
    assert "PASSWORD_OF_ALPHA" in ended(operator.assess("--dry-run")).stdout


def test_a_mistake_in_the_file_is_told_before_anything_begins(operator: Operator):
    operator.write_file(beta={"hots": "x"}, gamma={"target-db-version": "1.x"})
    done = ended(operator.assess(), 2)
    assert "did you mean host?" in done.stderr
    assert not operator.place.exists()
    operator.write_file(gamma={"target-db-version": "1.x"})
    assert "gamma" in ended(operator.assess(), 2).stderr
    assert not operator.place.exists()


def test_a_fleet_that_was_killed_is_resumed_where_it_was(operator: Operator):
    """alpha is complete when the command dies in the middle of beta."""
    operator.write_file(alpha={"iops-capture-interval": 0}, gamma={"iops-capture-interval": 0})
    process = operator.start("--parallel-jobs", 1, seconds=90)
    try:
        wait_for(lambda: operator.statuses().get("beta") == "RUNNING" and operator.sessions("beta") > 0, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert operator.statuses() == {"alpha": "COMPLETE", "beta": "RUNNING", "gamma": "PENDING"}
    operator.write_file(**{name: {"iops-capture-interval": 0} for name in ("alpha", "beta", "gamma")})
    ended(operator.assess())
    attempts = {name: one["attempts"] for name, one in operator.state().items()}
    assert set(operator.statuses().values()) == {"COMPLETE"}
    assert attempts == {"alpha": 1, "beta": 2, "gamma": 1}


def test_ctrl_c_stops_the_members_and_says_what_is_kept(operator: Operator):
    operator.write_file(alpha={"iops-capture-interval": 0})
    process = operator.start("--parallel-jobs", 1, seconds=90)
    try:
        wait_for(lambda: operator.statuses().get("beta") == "RUNNING" and operator.sessions("beta") > 0, process)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "1 of 3 databases are assessed" in told
    assert operator.statuses() == {"alpha": "COMPLETE", "beta": "INTERRUPTED", "gamma": "PENDING"}
    wait_until(lambda: operator.sessions("beta") == 0)


def test_a_csv_of_yb_voyager_is_assessed(operator: Operator):
    one = operator.databases["alpha"]
    path = operator.directory / "fleet.csv"
    path.write_text(
        "source-db-name,source-db-type,source-db-host,source-db-port,source-db-user,source-db-password,source-db-schema\n"
        f"{one.database},postgresql,{one.host},{one.port},{one.user},{one.password},app\n"
    )
    path.chmod(0o600)
    ended(operator.type("assess", "--fleet-file", path, "--iops-capture-interval", 0))
    assert operator.statuses() == {f"{one.database}-app": "COMPLETE"}
