"""`migrate import file` within the test's own process, into a database of its own; and what came into its tables."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.in_process import Answer
from voyager.cli.app import main
from voyager.embedded import Server
from voyager.endpoint import Endpoint


@dataclass
class FileImport:
    """One target and a directory for files. `options` are given to every run."""

    target: Endpoint
    directory: Path
    capsys: pytest.CaptureFixture[str]
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Path:
        place = self.directory / "data"
        place.mkdir(exist_ok=True)
        return place

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.data / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def words(self, *given: object) -> list[str]:
        export_dir = () if "--export-dir" in given else ("--export-dir", str(self.directory / "export"))
        where = ("--target-db-uri", uri(self.target), *export_dir)
        return ["migrate", "import", "file", *where, *map(str, given), "--output", "json", "--yes"]

    def run(self, *given: object, code: int = 0) -> Answer:
        """Load from the directory; the command must end with `code`."""
        place = () if "--data-dir" in given else ("--data-dir", self.data)
        return self.tell(*place, *self.options, *given, code=code)

    def tell(self, *given: object, code: int = 0) -> Answer:
        return self._main(self.words(*given), code)

    def look(self, *words: str, code: int = 0) -> Answer:
        """Another `migrate` command that only looks, as text unless --output is given."""
        return self._main(["migrate", *words, "--target-db-uri", uri(self.target)], code)

    def _main(self, given: list[str], code: int) -> Answer:
        self.capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main(given)
        said = self.capsys.readouterr()
        answer = Answer(int(left.value.code or 0), said.out, said.err)
        assert answer.code == code, f"{given} ended with {answer.code}:\n{answer.out}\n{answer.err}"
        return answer

    def refused(self, *given: object, code: int) -> dict[str, Any]:
        """The error document of a run that must not succeed."""
        error = self.run(*given, code=code).document["error"]
        assert isinstance(error, dict)
        return error

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return drive.fetch(self.target, sql)

    def ledger(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT batch_no, blocks, rows, bytes FROM ybvoyager.import_batches ORDER BY chunk_id, batch_no"
        )

    def state(self) -> str:
        return str(self.rows("SELECT state FROM ybvoyager.migration_state WHERE phase = 'IMPORT_FILE'")[0][0])


def importing_into(tables: str) -> Callable[..., FileImport]:
    """A fixture for a module to call `files`: an import into a database of its own, with tables made by this SQL."""

    @pytest.fixture
    def files(
        target_server: Server, fresh_database: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> FileImport:
        made = FileImport(fresh_database(target_server), tmp_path, capsys)
        drive.execute(made.target, tables)
        return made

    return files


def numbered(first: int, last: int) -> bytes:
    """Rows of csv, a number and a name of two lines each."""
    return b"".join(b'%d,"n\n%d"\n' % (number, number) for number in range(first, last))


def uri(endpoint: Endpoint) -> str:
    host = endpoint.host.replace("/", "%2F")
    password = f":{endpoint.password}" if endpoint.password else ""
    return f"postgresql://{endpoint.user}{password}@{host}:{endpoint.port}/{endpoint.database}"


def said(answer: Answer) -> Any:
    return json.loads(answer.out)
