"""Migrations within the test's own process, on a server that writes down every statement."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.in_process import LOGGING, End, Ends
from voyager.embedded import Server, start_server
from voyager.endpoint import Endpoint
from voyager.ports import Capabilities

SHOP = """
CREATE TABLE customers (id int PRIMARY KEY, email text NOT NULL);
CREATE UNIQUE INDEX customers_email ON customers (email);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, note text);
CREATE INDEX orders_customer ON orders (customer_id);
CREATE INDEX orders_note ON orders (note text_pattern_ops) WHERE note <> '';
INSERT INTO customers SELECT i, 'c' || i FROM generate_series(1, 100) i;
INSERT INTO orders SELECT i, 1 + i % 100, repeat('x', 100) FROM generate_series(1, 2000) i;
ANALYZE;
"""


@pytest.fixture
def force(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`force(end, **flags)`: the flags on top of what the server says, from now on. Dictionaries are merged."""

    def apply(end: End, **flags: Any) -> None:
        probe = end.probe

        def forced(self: Any) -> Capabilities:
            found = probe(self)
            wanted = {name: {**found.facts, **value} if name == "facts" else value for name, value in flags.items()}
            return dataclasses.replace(found, **wanted)

        monkeypatch.setattr(end, "probe", forced)

    return apply


@pytest.fixture(scope="session")
def logging_server(servers_directory: Path) -> Iterator[Server]:
    with start_server(servers_directory / "logging", settings=LOGGING, trust=True) as server:
        yield server


@pytest.fixture
def ends(
    logging_server: Server,
    fresh_database: Callable[..., Endpoint],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ends:
    """A source that holds the shop, and an empty target."""
    source, target = fresh_database(logging_server), fresh_database(logging_server)
    drive.execute(source, SHOP)
    return _entered(Ends(source, target, tmp_path / "export", logging_server, capsys), monkeypatch)


@pytest.fixture(scope="session")
def imported_shop(logging_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop and its schema in the target, to be copied: databases shop_source and shop_target, and an export-dir."""
    for name in ("shop_source", "shop_target"):
        drive.execute(logging_server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0")
    source, target = logging_server.endpoint("shop_source"), logging_server.endpoint("shop_target")
    drive.execute(source, SHOP)
    directory = tmp_path_factory.mktemp("shop") / "export"
    environment = Ends(source, target, directory, logging_server, None).environment()  # type: ignore[arg-type]
    for words in (("init",), ("next", "--until", "IMPORT_SCHEMA", "--yes")):
        done = drive.run_cli("migrate", *words, env=environment)
        assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def begun(
    imported_shop: Path,
    logging_server: Server,
    fresh_database: Callable[..., Endpoint],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Ends:
    """The shop with its schema in the target already; what was forced has had no part in that."""
    source, target = (fresh_database(logging_server, template=f"shop_{end}") for end in ("source", "target"))
    export_dir = shutil.copytree(imported_shop, tmp_path / "export")
    with drive.connect(target) as connection:
        connection.execute(
            "UPDATE ybvoyager.migrations SET export_dir = %s, source = source || %s, target = target || %s",
            [str(export_dir), *(json.dumps({"database": end.database}) for end in (source, target))],
        )
    return _entered(Ends(source, target, export_dir, logging_server, capsys), monkeypatch)


def _entered(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> Ends:
    for name, value in ends.environment().items():
        monkeypatch.setenv(name, value)
    return ends
