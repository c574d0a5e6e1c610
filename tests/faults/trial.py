"""A migration whose commands a test runs and judges from outside: exit codes, what was said, what is in the target."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests import drive
from tests.faults.driver import Migration, Stages
from tests.states import database
from voyager.embedded import Server

LOOKING = ("status", "history", "next")
"""Words that make a command one that only looks: it has no --yes."""


@dataclass
class Trial(Migration):
    """A migration whose commands may end with any exit code: real ones, or `within` this process."""

    within: bool = False

    @property
    def environment(self) -> dict[str, str]:
        ends = (("SOURCE", self.source), ("TARGET", self.target))
        uris = {f"YB_VOYAGER_{role}_DB_URI": uri(end) for role, end in ends}
        return {**super().environment, **uris, **self.extra}

    def command(self, *words: object) -> tuple[object, ...]:
        line = super().command(*words)
        asks = words[0] == "next" and len(words) > 1
        return line if asks or not set(LOOKING) & set(words) else line[:-1]

    def attempt(
        self, *words: object, code: int = 0, env: Mapping[str, str] | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        """Run `yb-voyager migrate WORDS` to its end; it must end with this exit code and without a traceback."""
        environment = {**self.environment, **(env or {})}
        run = drive.run_within if self.within else drive.run_cli
        done = run(*self.command(*words), env=environment, cwd=self.export_dir.parent, timeout=timeout)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        return self.attempt(*words)

    def document(self, *words: object, code: int = 0) -> dict[str, Any]:
        """The one JSON document that a command prints."""
        document = json.loads(self.attempt(*words, "--output", "json", code=code).stdout)
        assert isinstance(document, dict)
        return document

    def until(self, phase: str) -> None:
        """Run everything up to and with `phase`."""
        self.run("next", "--until", phase)


def trial(source: Any, target: Any, tmp_path: Path, **more: Any) -> Trial:
    """A trial whose export-dir is below `tmp_path`."""
    return Trial(source, target, tmp_path / "export dir", **more)


@dataclass
class Staged:
    """A migration as it was after some of its phases, to begin from again and again."""

    migration: Trial
    stages: Stages

    def after(self, phase: str) -> Trial:
        """The migration as it was when `phase` was completed."""
        self.stages.restore(phase.lower())
        self.migration.extra.clear()
        return self.migration


@contextmanager
def staged(
    source: Server, target: Server, directory: Path, sql: str, *phases: str, workflow: str = "offline", **more: Any
) -> Iterator[Staged]:
    """Migrate what `sql` creates up to the last of the phases, and keep how it stood after each."""
    (directory / "copies").mkdir()
    with database(source) as one, database(target) as other:
        drive.execute(one, sql)
        migration = trial(one, other, directory, **more)
        migration.run("init", "--workflow", workflow)
        stages = Stages(migration, target, directory / "copies")
        for phase in phases:
            if phase != "INITIALIZE":
                migration.until(phase)
            stages.save(phase.lower())
        yield Staged(migration, stages)
        stages.drop()


def uri(endpoint: Any) -> str:
    """The address without its password."""
    return f"postgresql://{quote(endpoint.user)}@{endpoint.host}:{endpoint.port}/{quote(endpoint.database, '')}"
