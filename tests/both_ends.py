"""A migration by the real commands, and what differs between its two ends, by catalog queries of the tests' own."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests import drive
from tests.catalog_queries import QUERIES, READABLE, SEQUENCES
from voyager.embedded import Server
from voyager.endpoint import Endpoint

FIXTURES = Path(__file__).resolve().parent / "fixtures"
KITCHEN_SINK = ("kitchen_sink.sql",)
KITCHEN_SINK_18 = ("kitchen_sink.sql", "kitchen_sink_18.sql")
ROLES = ("ks_owner", "ks_reader", 'ks "Role"; --')
EXACT = "SET search_path = ''; SET timezone = 'UTC'; SET extra_float_digits = 1; SET lc_monetary = 'C'"
ABSENT = "absent"

Holding = dict[tuple[str, str], dict[str, Any]]
"""(kind, identity) -> attributes."""


@contextmanager
def database(server: Server, name: str) -> Iterator[Endpoint]:
    """A new database on a server, dropped afterwards; for fixtures of a module or a session."""
    drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
    drive.execute(server.endpoint(), drop)
    drive.execute(server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0")
    yield dataclasses.replace(server.endpoint(name), engine="postgresql")
    drive.execute(server.endpoint(), drop)


def load(endpoint: Endpoint, files: Iterable[str]) -> None:
    """Run fixture files, each in one go."""
    with drive.connect(endpoint) as connection:
        for name in files:
            connection.execute((FIXTURES / name).read_bytes())


def create_roles(endpoint: Endpoint) -> None:
    """The roles that the kitchen sink names; a migration carries what they own, not them."""
    for role in ROLES:
        if not drive.fetch(endpoint, "SELECT 1 FROM pg_roles WHERE rolname = %s", [role]):
            drive.execute(endpoint, "CREATE ROLE " + '"' + role.replace('"', '""') + '"')


@dataclass(frozen=True)
class Migration:
    """Two databases and an export-dir, and the commands between them: real ones, or `within` this process."""

    source: Endpoint
    target: Endpoint
    export_dir: Path
    options: tuple[str, ...] = ()
    name: str = "both-ends"
    env: dict[str, str] = field(default_factory=dict)
    within: bool = False

    def attempt(self, *words: object) -> subprocess.CompletedProcess[str]:
        """Run `yb-voyager migrate WORDS` to its end, whatever that is; a traceback never is one."""
        where = ("--export-dir", self.export_dir, *self.options) if words[0] == "init" else ()
        environment = {
            "YB_VOYAGER_SOURCE_DB_URI": _uri(self.source),
            "YB_VOYAGER_TARGET_DB_URI": _uri(self.target),
            "SOURCE_DB_PASSWORD": self.source.password or "",
            "TARGET_DB_PASSWORD": self.target.password or "",
            "YB_VOYAGER_MIGRATION_NAME": self.name,
            **self.env,
        }
        run = drive.run_within if self.within else drive.run_cli
        done = run("migrate", *words, *where, env=environment, cwd=self.export_dir.parent)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def run(self, *words: object, code: int = 0) -> subprocess.CompletedProcess[str]:
        """The same, and it must end with `code`."""
        done = self.attempt(*words)
        assert done.returncode == code, f"{words} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def document(self, *words: object, code: int = 0) -> dict[str, Any]:
        """The one JSON document that a command prints."""
        found = json.loads(self.run(*words, "--output", "json", code=code).stdout)
        assert isinstance(found, dict)
        return found

    def until_the_end(self) -> None:
        """What follows the schema export: every step by `next`, cutover and end by name."""
        self.run("next", "--until", "VERIFY", "--yes")
        self.run("cutover", "initiate", "--yes")
        self.run("finalize", "--yes")
        self.run("end", "--yes")

    def summary(self, phase: str) -> dict[str, Any]:
        """What the target's state table keeps of a phase."""
        sql = "SELECT summary FROM ybvoyager.migration_state WHERE phase = %s"
        return drive.fetch(self.target, sql, [phase])[0][0] or {}

    def journal(self, phase: str) -> dict[str, tuple[str, Any]]:
        """object -> (state, when it was last touched) of a phase's statements."""
        sql = "SELECT object, state, updated_at FROM ybvoyager.schema_statements WHERE phase = %s"
        return {name: (state, at) for name, state, at in drive.fetch(self.target, sql, [phase])}


def _uri(endpoint: Endpoint) -> str:
    return f"postgresql://{quote(endpoint.user)}@{endpoint.host}:{endpoint.port}/{quote(endpoint.database, '')}"


def holding(endpoint: Endpoint) -> Holding:
    """Everything of a database: its objects, the next value of every sequence, the rows of every table."""
    found: Holding = {}
    with drive.connect(endpoint) as connection:
        connection.execute(EXACT)
        for kind, query in QUERIES.items():
            sql = f"SELECT q.identity, to_jsonb(q) - 'identity' FROM ({query}) q"
            rows = connection.execute(sql.encode()).fetchall()
            assert len({identity for identity, _ in rows}) == len(rows), f"{kind}: identities are not unique"
            found |= {(kind, identity): attributes for identity, attributes in rows}
        for (name,) in connection.execute(SEQUENCES.encode()).fetchall():
            value, called = connection.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchone()
            found["next value", name] = {"last_value": value, "is_called": called}
        for (name,) in connection.execute(READABLE.encode()).fetchall():
            text = f'SELECT ("the row")::text COLLATE "C" AS v FROM ONLY {name} "the row" ORDER BY v'
            found["rows", name] = {"rows": [row for (row,) in connection.execute(text.encode())]}
    return found


@dataclass(frozen=True)
class Difference:
    """One attribute of one object that differs. An object that one end lacks differs in `attribute` "existence"."""

    kind: str
    identity: str
    attribute: str
    source: Any
    target: Any


def differences(source: Holding, target: Holding) -> Iterator[Difference]:
    for key in sorted(source.keys() | target.keys()):
        if key not in target:
            yield Difference(*key, "existence", source[key], ABSENT)
        elif key not in source:
            yield Difference(*key, "existence", ABSENT, target[key])
        else:
            left, right = source[key], target[key]
            for name in sorted(left.keys() | right.keys()):
                if left.get(name) != right.get(name):
                    yield Difference(*key, name, left.get(name), right.get(name))


@dataclass(frozen=True)
class Expected:
    """Differences that are as they should be. `identity` is a regular expression that must fit the whole; `when` asks
    more of them."""

    kind: str
    identity: str
    attribute: str
    reason: str
    when: Callable[[Difference], bool] = lambda _: True

    def explains(self, found: Difference) -> bool:
        return (
            (found.kind, found.attribute) == (self.kind, self.attribute)
            and re.fullmatch(self.identity, found.identity, re.DOTALL) is not None
            and self.when(found)
        )


def becomes(source: Any, target: Any) -> Callable[[Difference], bool]:
    """True for a difference of exactly these two values."""
    return lambda found: (found.source, found.target) == (source, target)


def is_left_behind(found: Difference) -> bool:
    return bool(found.target == ABSENT)


def unexplained(source: Holding, target: Holding, expected: Sequence[Expected]) -> list[str]:
    """The differences that no entry explains, and the entries that explain nothing: both must be none."""
    found = list(differences(source, target))
    surprising = [str(one) for one in found if not any(entry.explains(one) for entry in expected)]
    idle = [f"nothing differs like this any more: {one}" for one in expected if not any(map(one.explains, found))]
    return surprising + idle
