"""`migrate init --until`: one process registers a migration and runs its steps."""

from __future__ import annotations

import json

from tests import drive
from tests.cli.test_commands import Shell, ended, shell

__all__ = ["shell"]

ROWS = "SELECT count(*), sum(total) FROM orders"
REGISTERED = "SELECT to_regclass('ybvoyager.migrations') IS NOT NULL"


def test_one_command_registers_and_moves_everything_and_answers_with_one_document(shell: Shell) -> None:
    done = ended(shell.init("--until", "import-data", "--yes", "--output", "json"))
    document = json.loads(done.stdout)
    steps = ["INITIALIZE", "EXPORT_SCHEMA", "ANALYZE_SCHEMA", "IMPORT_SCHEMA", "EXPORT_DATA", "IMPORT_DATA"]
    assert [step["phase"] for step in document["ran"]] == steps
    assert {step["state"] for step in document["ran"]} == {"COMPLETED"}
    assert document["next"]["phase"] == "VERIFY"
    assert drive.fetch(shell.target, ROWS) == drive.fetch(shell.source, ROWS)


def test_export_and_import_that_run_at_the_same_time_are_of_the_migration_just_registered(shell: Shell) -> None:
    ended(shell.init())
    uri = f"postgresql://{shell.source.user}@{shell.source.host}:{shell.source.port}/{shell.source.database}"
    words = ("--source-db-uri", uri, "--workflow", "pipelined", "--until", "IMPORT_DATA", "--yes", "--output", "json")
    document = json.loads(ended(shell.run("init", *words)).stdout)
    assert {step["phase"] for step in document["ran"]} >= {"INITIALIZE", "EXPORT_DATA", "IMPORT_DATA"}
    assert drive.fetch(shell.target, ROWS) == drive.fetch(shell.source, ROWS)


def test_it_goes_on_with_its_own_migration_where_another_one_is_active(shell: Shell) -> None:
    ended(shell.init())
    uri = f"postgresql://{shell.source.user}@{shell.source.host}:{shell.source.port}/{shell.source.database}"
    shown = ended(shell.run("init", "--source-db-uri", uri, "--until", "EXPORT_SCHEMA", "--yes"))
    assert "is initialized" in shown.stdout
    assert "Export Schema:" in shown.stderr
    begun = "SELECT name, state FROM ybvoyager.migrations JOIN ybvoyager.migration_state USING (migration_uuid)"
    states = dict(drive.fetch(shell.target, f"{begun} WHERE phase = 'EXPORT_SCHEMA'"))
    assert states == {"shop": "NOT_STARTED", shell.source.database: "COMPLETED"}


def test_a_step_that_is_blocked_ends_it_with_its_code_and_leaves_the_migration_to_go_on_with(shell: Shell) -> None:
    drive.execute(shell.target, "CREATE TABLE orders (id text)")
    stopped = ended(shell.init("--allow-non-empty", "--until", "IMPORT_DATA", "--yes", "--output", "json"), 4)
    document = json.loads(stopped.stdout)
    assert document["ran"][0]["phase"] == "INITIALIZE"
    assert document["error"]["exit_code"] == 4
    drive.execute(shell.target, "DROP TABLE orders")
    again = ended(shell.init("--until", "IMPORT_DATA", "--yes"), 5)
    assert "migrate next --migration-name shop" in again.stderr
    ended(shell.run("next", "--until", "IMPORT_DATA", "--yes"))
    assert drive.fetch(shell.target, ROWS) == drive.fetch(shell.source, ROWS)


def test_wrong_words_are_refused_before_anything_is_registered(shell: Shell) -> None:
    assert "Did you mean VERIFY?" in ended(shell.init("--until", "VERIFI", "--yes"), 2).stderr
    assert "no phase IMPORT_FILE" in ended(shell.init("--until", "import file", "--yes"), 2).stderr
    assert "exclude each other" in ended(shell.init("--until", "VERIFY", "--write-config"), 2).stderr
    assert drive.fetch(shell.target, REGISTERED) == [(False,)]


def test_without_a_terminal_and_without_yes_it_registers_and_asks_for_the_rest(shell: Shell) -> None:
    ended(shell.init("--until", "IMPORT_SCHEMA"), 7)
    assert shell.state("EXPORT_SCHEMA") == "NOT_STARTED"


def test_a_dry_run_says_what_init_would_do_and_changes_nothing(shell: Shell) -> None:
    shown = ended(shell.init("--until", "IMPORT_DATA", "--dry-run")).stdout
    assert "CREATE TABLE" in shown
    assert drive.fetch(shell.target, REGISTERED) == [(False,)]
