"""docs/extending.md, carried out: a row and a module make a phase."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import drive
from voyager.embedded import Server
from voyager.endpoint import Endpoint

PAGE = drive.ROOT / "docs" / "extending.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.fixture
def extended(tmp_path: Path) -> Path:
    """A copy of the packages with the page's three blocks put where the page says."""
    for package in ("voyager", "statemachine", "migrations_ddl"):
        shutil.copytree(drive.ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    row, workflow, module = blocks("python")
    tables = tmp_path / "statemachine" / "workflows.py"
    text = tables.read_text(encoding="utf-8")
    assert text.count("\n_SCHEMA = ") == 1
    text = text.replace("\n_SCHEMA = ", f"\n{row}\n_SCHEMA = ")
    text, replaced = re.subn(
        r"^OFFLINE = _workflow\(\n.*?^\)\n", lambda _: workflow, text, flags=re.DOTALL | re.MULTILINE
    )
    assert replaced == 1
    tables.write_text(text, encoding="utf-8")
    (tmp_path / "voyager" / "phases" / "smoke_test.py").write_text(module, encoding="utf-8")
    return tmp_path


def test_the_phase_of_the_page_is_offered_run_and_shown(
    extended: Path,
    source_server: Server,
    target_server: Server,
    fresh_database: Callable[..., Endpoint],
    tmp_path: Path,
) -> None:
    source, target = fresh_database(source_server), fresh_database(target_server)
    drive.execute(source, "CREATE TABLE guests (id int PRIMARY KEY)")
    drive.execute(source, "INSERT INTO guests VALUES (1), (2), (3)")
    environment = {
        **drive.clean_environment({}),
        "PYTHONPATH": str(extended),
        "SOURCE_DB_PASSWORD": source.password or "",
        "TARGET_DB_PASSWORD": target.password or "",
        "PGHOST": target.host,
        "PGPORT": str(target.port),
        "PGDATABASE": target.database,
        "PGUSER": target.user,
    }

    def voyager(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "voyager", *words],
            env=environment, cwd=extended, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    to_source = [
        "--source-db-type",
        "postgresql",
        "--source-db-host",
        source.host,
        "--source-db-port",
        str(source.port),
    ]
    to_source += ["--source-db-name", source.database, "--source-db-user", source.user]
    voyager("migrate", "init", *to_source, "--migration-name", "extended", "--export-dir", str(tmp_path / "export"))
    voyager("migrate", "next", "--until", "VERIFY", "--yes")

    printed = {
        command: voyager(*shlex.split(command)[1:]) for command in re.findall(r"^\$ (.*)$", blocks("console")[0], re.M)
    }
    states, help_text, offered, asked, status = printed.values()
    assert "SMOKE_TEST" in states
    assert "--query" in help_text
    assert "Ask the target one question" in help_text
    assert "migrate smoke-test" in offered
    assert "answered true" in asked
    assert re.search(r"Smoke Test\s+COMPLETED", status)

    refused = voyager("migrate", "smoke-test", "--query", "SELECT false", "--output", "json", code=4)
    assert "SELECT false" in json.loads(refused)["error"]["message"]
    document = json.loads(voyager("migrate", "next", "--output", "json"))
    assert (document["next"]["kind"], document["next"]["phase"]) == ("resume", "SMOKE_TEST")
