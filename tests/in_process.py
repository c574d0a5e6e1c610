"""The real commands within the test's own process, where a probe can be told otherwise, and what a server was sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from voyager.cli.app import main
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.sources.postgresql.source import PostgresSource
from voyager.target.target import Target

End = type[Target] | type[PostgresSource]
"""Whose probe is told otherwise."""

LOGGING = {"log_statement": "all", "log_line_prefix": "»%p|%d|%a|", "track_activity_query_size": "4096"}
"""Settings of a server whose log is read by `StatementLog`."""

_ENTRY = re.compile(r"^»(\d+)\|([^|\n]*)\|([^|\n]*)\|LOG:  (?:statement|execute [^:]*): ", re.MULTILINE)
_ANY = re.compile(r"^»", re.MULTILINE)
_NEXT = "\n;\n"
"""What stands between statements that were sent at once."""


@dataclass(frozen=True)
class Sent:
    """One statement as the server got it: by which of its processes, for which purpose of ours."""

    pid: int
    purpose: str
    text: str


@dataclass
class StatementLog:
    """The statements that `yb-voyager` sent to one database since the last `forget()`, in order.

    Without a collector between them, a server process writes its log itself before it executes the statement.
    """

    server: Server
    database: str
    _start: int = 0

    def forget(self) -> None:
        self._start = self.server.log.stat().st_size

    def read(self, pattern: str = "", *, purpose: str = "") -> list[Sent]:
        """Those whose text matches `pattern` (anywhere, whatever its case)."""
        with self.server.log.open("rb") as log:
            log.seek(self._start)
            text = log.read().decode(errors="replace")
        found = []
        for entry in _ENTRY.finditer(text):
            end = _ANY.search(text, entry.end())
            sent = text[entry.end() : end.start() if end else None].replace("\n\t", "\n").strip()
            name = entry[3].removeprefix("yb-voyager ")
            ours = entry[2] == self.database and name not in (entry[3], "tests")
            for one in sent.removesuffix(_NEXT.rstrip()).split(_NEXT):
                if ours and purpose in ("", name) and re.search(pattern, one, re.IGNORECASE | re.DOTALL):
                    found.append(Sent(int(entry[1]), name, one.strip()))
        return found

    def texts(self, pattern: str = "", *, purpose: str = "") -> list[str]:
        return [sent.text for sent in self.read(pattern, purpose=purpose)]


@dataclass(frozen=True)
class Answer:
    """What a command left: its exit code, its result and its talk."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


@dataclass
class Ends:
    """A migration's two databases, both on a server with `LOGGING`, and its commands."""

    source: Endpoint
    target: Endpoint
    export_dir: Path
    server: Server
    capsys: pytest.CaptureFixture[str]
    name: str = "forced"
    at_source: StatementLog = field(init=False)
    at_target: StatementLog = field(init=False)

    def __post_init__(self) -> None:
        self.at_source = StatementLog(self.server, self.source.database)
        self.at_target = StatementLog(self.server, self.target.database)

    def environment(self) -> dict[str, str]:
        return {
            "YB_VOYAGER_SOURCE_DB_URI": _uri(self.source),
            "YB_VOYAGER_TARGET_DB_URI": _uri(self.target),
            "SOURCE_DB_PASSWORD": self.source.password or "",
            "TARGET_DB_PASSWORD": self.target.password or "",
            "YB_VOYAGER_MIGRATION_NAME": self.name,
            "YB_VOYAGER_EXPORT_DIR": str(self.export_dir),
        }

    def run(self, *words: object, code: int = 0) -> Answer:
        """Run `yb-voyager migrate WORDS --output json`; it must end with `code`. The logs then hold what it sent."""
        self.at_source.forget()
        self.at_target.forget()
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(["migrate", *map(str, words), "--output", "json"])
        said = self.capsys.readouterr()
        answer = Answer(int(left.value.code or 0), said.out, said.err)
        assert answer.code == code, f"{words} ended with {answer.code}:\n{answer.out}\n{answer.err}"
        return answer

    def through(self, *phases: str) -> None:
        """Run the commands of these steps ("export data"), all to a good end."""
        for phase in phases:
            self.run(*phase.split())


def _uri(endpoint: Endpoint) -> str:
    return f"postgresql://{quote(endpoint.user)}@{endpoint.host}:{endpoint.port}/{quote(endpoint.database, '')}"
