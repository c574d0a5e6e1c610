"""The real commands between two real servers: exit codes, documents, and what they refuse."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from voyager.endpoint import Endpoint

SCHEMA = """
    CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
    CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint NOT NULL REFERENCES customers, total numeric(12, 2));
    INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 200) n;
    INSERT INTO orders SELECT n, 1 + n % 200, n * 1.5 FROM generate_series(1, 1000) n;
"""


@dataclass
class Shell:
    """An operator in a directory, who knows where both ends are and types commands."""

    source: Endpoint
    target: Endpoint
    directory: Path
    name: str = "shop"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.env = {
            "SOURCE_DB_PASSWORD": self.source.password or "",
            "TARGET_DB_PASSWORD": self.target.password or "",
            **self.env,
        }

    @property
    def where(self) -> tuple[str, ...]:
        target = self.target
        return (
            "--target-db-host", target.host, "--target-db-port", str(target.port), "--target-db-name", target.database,
            "--target-db-user", target.user,
        )  # fmt: skip

    @property
    def both(self) -> tuple[str, ...]:
        source = self.source
        uri = f"postgresql://{source.user}@{source.host}:{source.port}/{source.database}"
        named = ("--migration-name", self.name, "--export-dir", str(self.directory / "my export dir"))
        return ("--source-db-uri", uri, *named, "--lease-seconds", "3")

    def run(self, *words: object, **env: str) -> subprocess.CompletedProcess[str]:
        """`yb-voyager migrate WORDS` with the flags of the target."""
        return drive.run_cli("migrate", *self.where, *words, env={**self.env, **env}, cwd=self.directory)

    def init(self, *more: object) -> subprocess.CompletedProcess[str]:
        return self.run("init", *self.both, *more)

    def json(self, *words: object) -> dict[str, Any]:
        """The document of a command, whatever its exit code."""
        done = self.run(*words, "--output", "json")
        document: dict[str, Any] = json.loads(done.stdout)
        assert next(iter(document)) == "schema_version"
        return document

    def state(self, phase: str) -> str:
        found = [row for row in self.json("status")["phases"] if row["phase"] == phase]
        return str(found[0]["state"])


@pytest.fixture
def shell(source_server, target_server, fresh_database: Callable[..., Endpoint], tmp_path: Path) -> Shell:
    source, target = fresh_database(source_server), fresh_database(target_server)
    drive.execute(source, SCHEMA)
    return Shell(source, target, tmp_path)


def ended(done: subprocess.CompletedProcess[str], code: int = 0) -> subprocess.CompletedProcess[str]:
    assert done.returncode == code, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done


def test_next_alone_leads_from_init_to_the_end(shell: Shell):
    ended(shell.init())
    ended(shell.run("next", "--until", "VERIFY", "--yes"))
    refused = ended(shell.run("next", "--run", "--yes"), 7)
    assert "next --run CUTOVER" in refused.stderr
    assert shell.state("CUTOVER") == "NOT_STARTED"
    ended(shell.run("next", "--run", "cutover", "--yes"))
    ended(shell.run("next", "--until", "FINALIZE", "--yes"))
    ended(shell.run("next", "--run", "END", "--yes"))
    status = shell.json("status", "--migration-name", "shop")
    assert status["current_state"] == "ENDED"
    assert status["next"]["kind"] == "finished"
    rows = "SELECT count(*), sum(total) FROM orders"
    assert drive.fetch(shell.target, rows) == drive.fetch(shell.source, rows)


def test_every_document_is_json_alone_on_stdout_with_talk_on_stderr(shell: Shell):
    first = json.loads(ended(shell.init("--output", "json")).stdout)
    assert first["state"] == "COMPLETED"
    assert first["next"]["command_line"].startswith("yb-voyager migrate export schema --target-db-host")
    walked = ended(shell.run("next", "--until", "IMPORT_SCHEMA", "--yes", "--output", "json"))
    document = json.loads(walked.stdout)
    assert [step["phase"] for step in document["ran"]] == ["EXPORT_SCHEMA", "ANALYZE_SCHEMA", "IMPORT_SCHEMA"]
    assert document["next"]["phase"] == "EXPORT_DATA"
    events = shell.json("history")["events"]
    assert {"at", "phase", "kind", "actor"} <= events[0].keys()
    assert shell.json("cutover", "status")["in_the_way"]


def test_the_command_that_next_prints_can_be_pasted(shell: Shell):
    ended(shell.init())
    panel = ended(shell.run("next")).stdout
    pasted = re.search(r"^ +yb-voyager .*?(?<!\\)$", panel, re.M | re.S)
    assert pasted, panel
    script = pasted[0].replace("yb-voyager", shlex.join(drive.command_line()), 1)
    environment = drive.clean_environment(shell.env)
    shown = ["sh", "-c", script]
    done = subprocess.run(shown, env=environment, cwd=shell.directory, capture_output=True, text=True, check=False)
    ended(done)
    assert shell.state("EXPORT_SCHEMA") == "COMPLETED"


def test_options_given_before_the_name_of_a_sub_command_reach_it(shell: Shell):
    ended(shell.init())
    done = drive.run_cli("migrate", "export", "data", *shell.where, "-o", "json", "status", env=shell.env)
    assert json.loads(ended(done).stdout)["state"] == "NOT_STARTED"


def test_a_phase_out_of_turn_is_refused_with_what_is_next(shell: Shell):
    ended(shell.init())
    refused = ended(shell.run("import", "data"), 5)
    assert "Next is: yb-voyager migrate export schema" in refused.stderr
    assert shell.json("import", "data")["error"]["kind"] == "NotAllowed"


def test_a_second_migration_of_the_same_name_is_refused(shell: Shell):
    ended(shell.init())
    ended(shell.init(), 5)


def test_without_a_name_status_lists_what_is_there(shell: Shell):
    ended(shell.init())
    shell.name = "second"
    ended(shell.run("init", *shell.both, "--export-dir", str(shell.directory / "other")))
    assert {row["name"] for row in shell.json("status")["migrations"]} == {"shop", "second"}
    assert "say which one" in ended(shell.run("next"), 2).stderr
    ended(shell.run("next", "--migration-name", "second"))


def test_wrong_usage_is_2_and_names_what_was_meant(shell: Shell):
    assert "Did you mean 'status'" in ended(shell.run("statsu"), 2).stderr
    ended(shell.run("status", "--no-such-option"), 2)
    ended(shell.run("status", "--output", "xml"), 2)
    assert "it has no ybvoyager schema" in ended(shell.run("status"), 2).stderr
    assert "--target-db-host" in ended(drive.run_cli("migrate", "status"), 2).stderr
    document = json.loads(ended(shell.run("status", "--bogus", "-o", "json"), 2).stdout)
    assert document["error"]["exit_code"] == 2


def test_a_target_that_is_away_is_8_and_status_shows_what_was_known(shell: Shell):
    away = ("--target-db-port", "1")
    ended(shell.run("status", *away), 8)
    ended(shell.init())
    ended(shell.run("status"))
    shown = ended(shell.run("status", *away, "--export-dir", str(shell.directory / "my export dir")))
    assert "cannot be reached" in shown.stdout
    ended(shell.run("status", *away, "--export-dir", str(shell.directory / "my export dir"), "--check"), 8)


def test_a_refused_password_is_9_and_is_never_shown(shell: Shell):
    done = ended(shell.run("status", TARGET_DB_PASSWORD="wr0ng-c4n4ry"), 9)
    assert "wr0ng-c4n4ry" not in done.stdout + done.stderr


def test_nothing_is_asked_without_a_terminal(shell: Shell):
    ended(shell.init())
    ended(shell.run("next", "--run"), 7)
    ended(shell.run("end"), 7)
    assert shell.state("EXPORT_SCHEMA") == "NOT_STARTED"


def test_a_dry_run_shows_and_changes_nothing(shell: Shell):
    shown = ended(shell.init("--dry-run")).stdout
    assert "CREATE TABLE" in shown
    assert not drive.fetch(shell.target, "SELECT 1 FROM pg_namespace WHERE nspname = 'ybvoyager'")
    assert not (shell.directory / "my export dir").exists()
    ended(shell.init())
    for words in (("export", "schema"), ("next", "--run"), ("end",)):
        assert shell.json(*words, "--dry-run").get("error") is None
    assert shell.state("EXPORT_SCHEMA") == "NOT_STARTED"


def test_a_monitor_learns_from_the_exit_code(shell: Shell):
    ended(shell.init())
    ended(shell.run("status", "--check"), 13)
    drive.execute(
        shell.target, "UPDATE ybvoyager.migration_state SET state = 'IN_PROGRESS' WHERE phase = 'EXPORT_SCHEMA'"
    )
    ended(shell.run("status", "--check"), 14)


def test_differences_are_3_and_withhold_the_cutover(shell: Shell):
    ended(shell.init())
    ended(shell.run("next", "--until", "IMPORT_DATA", "--yes"))
    drive.execute(shell.target, "UPDATE orders SET total = total + 1 WHERE id = 7")
    assert "orders" in ended(shell.run("verify"), 3).stdout
    assert "blocked" in ended(shell.run("next")).stdout
    ended(shell.run("next", "--until", "CUTOVER", "--yes"), 4)
    ended(shell.run("status", "--check"), 3)
    refused = ended(shell.run("cutover", "initiate", "--yes", "--accept-unverified", "wrong"), 2)
    assert "--accept-unverified shop" in refused.stderr


def test_a_source_written_since_it_was_verified_blocks_the_cutover(shell: Shell):
    ended(shell.init())
    ended(shell.run("next", "--until", "VERIFY", "--yes"))
    drive.execute(shell.source, "INSERT INTO orders VALUES (5000, 1, 1); SELECT pg_stat_force_next_flush()")
    deadline = time.monotonic() + 60
    while shell.json("next")["next"]["kind"] != "blocked" and time.monotonic() < deadline:
        time.sleep(0.5)
    ended(shell.run("cutover", "initiate", "--yes"), 5)
    ended(shell.run("cutover", "initiate", "--yes", "--accept-source-changes", "shop"))


def test_a_source_that_cannot_be_asked_blocks_the_cutover(shell: Shell):
    ended(shell.init())
    ended(shell.run("next", "--until", "VERIFY", "--yes"))
    ended(shell.run("cutover", "initiate", "--yes", SOURCE_DB_PASSWORD="wrong"), 5)
    assert shell.state("CUTOVER") == "NOT_STARTED"


def test_the_config_file_of_init_is_written_once_and_understood(shell: Shell):
    ended(shell.run("init", "--write-config", "--migration-name", "shop"))
    path = shell.directory / "yb-voyager.yaml"
    text = path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert f"db-host: {shell.target.host}" in text
    assert "parallel-jobs" in text
    ended(shell.run("init", "--write-config"), 2)
    path.write_text(text.replace("\n  db-host:", "\n  db-hots:", 1))
    assert "Did you mean db-host" in ended(shell.run("status"), 2).stderr


def test_a_phase_that_somebody_runs_is_6(shell: Shell):
    ended(shell.init())
    drive.execute(
        shell.target,
        "UPDATE ybvoyager.migration_state SET state = 'IN_PROGRESS' WHERE phase = 'EXPORT_SCHEMA';"
        "INSERT INTO ybvoyager.leases"
        " (migration_uuid, phase, token, owner, host, pid, backends, acquired_at, expires_at)"
        " SELECT migration_uuid, 'EXPORT_SCHEMA', gen_random_uuid(), 'ann@elsewhere 1', 'elsewhere', 1, '[]',"
        " clock_timestamp(), clock_timestamp() + interval '1 hour' FROM ybvoyager.migrations",
    )
    refused = ended(shell.run("export", "schema"), 6)
    assert "ann@elsewhere" in refused.stderr
    ended(shell.run("status", "--check"))
    waits = " ".join(ended(shell.run("next", "--run", "--yes"), 13).stderr.split())
    assert "EXPORT_SCHEMA is being run by ann@elsewhere" in waits
    assert "its lease expires at" in waits
    assert shell.json("next", "--until", "VERIFY", "--yes")["error"]["details"]


@pytest.mark.slow
def test_ctrl_c_stops_at_a_safe_point_and_the_same_command_goes_on(shell: Shell):
    drive.execute(shell.source, "INSERT INTO orders SELECT n, 1, 1 FROM generate_series(2000, 1500000) n")
    ended(shell.init())
    ended(shell.run("next", "--until", "IMPORT_SCHEMA", "--yes"))
    command = ("migrate", *shell.where, "export", "data", "--parallel-jobs", "1", "--chunk-size", "1MB")
    running = drive.start_cli(*command, env=shell.env, cwd=shell.directory)
    data = shell.directory / "my export dir" / "data"
    deadline = time.monotonic() + 60
    while not list(data.glob("*manifest*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, out + err
    assert "Press Ctrl-C again" in err
    assert shell.state("EXPORT_DATA") == "IN_PROGRESS"
    assert "Resume Export Data" in ended(shell.run("next")).stdout
    ended(shell.run("export", "data"))
    assert shell.state("EXPORT_DATA") == "COMPLETED"


def test_nothing_that_is_written_or_shown_holds_a_password(shell: Shell, tmp_path: Path):
    secrets = {shell.source.password, shell.target.password} - {None, ""}
    shown = [shell.init(), shell.run("next", "--until", "IMPORT_DATA", "--yes"), shell.run("status", "-o", "json")]
    shown.append(shell.run("history", "-o", "json"))
    state = drive.fetch(shell.target, "SELECT row_to_json(m)::text FROM ybvoyager.migrations m")
    events = drive.fetch(shell.target, "SELECT row_to_json(e)::text FROM ybvoyager.events e")
    texts = [done.stdout + done.stderr for done in shown] + [row[0] for row in (*state, *events)]
    texts += [file.read_text(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    assert secrets
    assert not [secret for secret in secrets for text in texts if secret and secret in text]


def on_a_terminal(
    shell: Shell, *words: str, answers: tuple[tuple[str, str], ...] = (), cols: int = 100, **env: str
) -> tuple[str, int]:
    """Run a command on a terminal of its own, answering each prompt in turn; returns what it showed and its code."""
    primary, secondary = pty.openpty()
    environment = drive.clean_environment({**shell.env, "TERM": "xterm", "COLUMNS": str(cols), **env})
    process = subprocess.Popen(
        drive.command_line("migrate", *shell.where, *words), stdin=secondary, stdout=secondary, stderr=secondary,
        env=environment, cwd=shell.directory, start_new_session=True,
    )  # fmt: skip
    os.close(secondary)
    shown, left, deadline = "", list(answers), time.monotonic() + 90
    while time.monotonic() < deadline:
        if select.select([primary], [], [], 0.2)[0]:
            try:
                shown += os.read(primary, 65536).decode(errors="replace")
            except OSError:
                break
        if left and left[0][0] in shown:
            os.write(primary, (left.pop(0)[1] + "\n").encode())
        if process.poll() is not None and not select.select([primary], [], [], 0.2)[0]:
            break
    os.close(primary)
    return shown, process.wait(timeout=60)


def test_on_a_terminal_a_step_is_asked_for_and_no_means_no(shell: Shell):
    ended(shell.init())
    shown, code = on_a_terminal(shell, "next", "--run", answers=(("[y/N]", "n"),))
    assert code == 7
    assert "Not confirmed" in shown
    shown, code = on_a_terminal(shell, "next", "--run", answers=(("[y/N]", "y"),))
    assert code == 0, shown
    assert shell.state("EXPORT_SCHEMA") == "COMPLETED"


def test_on_a_terminal_panels_have_frames_and_colors_unless_refused(shell: Shell):
    ended(shell.init())
    colored, _ = on_a_terminal(shell, "status")
    assert "┌" in colored
    assert "\x1b[" in colored
    for refusal in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        plain, _ = on_a_terminal(shell, "status", **refusal)
        assert "\x1b[" not in plain
    plain, _ = on_a_terminal(shell, "status", "--no-color")
    assert "\x1b[" not in plain


def test_a_missing_password_is_asked_for_on_a_terminal(shell: Shell):
    ended(shell.init())
    password = shell.env.pop("TARGET_DB_PASSWORD")
    ended(shell.run("status"), 9)
    shown, code = on_a_terminal(shell, "status", answers=(("Password of the target database", password),))
    assert code == 0, shown
    assert password not in shown


def test_the_password_of_the_source_is_asked_for_when_a_phase_needs_it(shell: Shell):
    ended(shell.init())
    password = shell.env.pop("SOURCE_DB_PASSWORD")
    ended(shell.run("export", "schema"), 9)
    shown, code = on_a_terminal(shell, "export", "schema", answers=(("Password of the source database", password),))
    assert code == 0, shown
    assert password not in shown
    assert shell.state("EXPORT_SCHEMA") == "COMPLETED"
