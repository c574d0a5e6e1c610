"""Read replicas: their reads are added, their writes are not, and only those of the same cluster are asked."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from tests.assessed import collected
from voyager.assessment.metadata import Metadata, read_metadata
from voyager.assessment.statistics import object_statistics
from voyager.assessment_dir import AssessmentDir
from voyager.embedded import Server, start_server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, UsageError
from voyager.sources import open_assessed

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, v int);
INSERT INTO t SELECT g, g FROM generate_series(1, 100) g;
ANALYZE;
"""


@pytest.fixture(scope="module")
def primary(servers_directory: Path) -> Iterator[Server]:
    with start_server(servers_directory / "replicated", trust=True, settings={"autovacuum": "off"}) as server:
        drive.execute(server.endpoint(), SCHEMA)
        yield server


@pytest.fixture(scope="module")
def standby(primary: Server, servers_directory: Path) -> Iterator[Server]:
    """A streaming copy of the primary."""
    directory = servers_directory / "replica"
    directory.mkdir(mode=0o755)
    account = primary.account
    if account is not None:
        os.chown(directory, account.pw_uid, account.pw_gid)
    subprocess.run(
        [str(primary.binaries / "pg_basebackup"), "-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres",
         "-D", str(directory / "data"), "-R", "-c", "fast"],
        check=True, capture_output=True, cwd="/",
        **({} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}),
    )  # fmt: skip
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    copy = replace(primary, directory=directory, port=port, process=None)
    copy.start()
    deadline = time.monotonic() + 60
    while not drive.fetch(primary.endpoint(), "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield copy
    copy.stop()


@pytest.fixture
def endpoint(primary: Server, standby: Server) -> Endpoint:
    return replace(primary.endpoint(), schemas=("public",))


def address(server: Server) -> str:
    return f"127.0.0.1:{server.port}"


COUNTED = "SELECT pg_stat_force_next_flush()"
"""What was done before is in the statistics when this is answered."""


def read(server: Server, times: int) -> None:
    drive.execute(server.endpoint(), "SET enable_seqscan = off;" + "SELECT v FROM t WHERE id = 7;" * times + COUNTED)


def test_reads_of_the_replica_are_added_and_writes_are_the_primarys(
    endpoint: Endpoint, primary: Server, standby: Server, tmp_path: Path
) -> None:
    def work(_: Metadata) -> None:
        read(primary, 4)
        read(standby, 6)
        drive.execute(primary.endpoint(), "INSERT INTO t SELECT g, g FROM generate_series(1001, 1010) g;" + COUNTED)

    metadata = collected(endpoint, tmp_path / "a", replicas=(address(standby),), interval_seconds=3, preview=work)
    seconds = metadata.capture_seconds
    assert seconds is not None
    node = f"127.0.0.1-{standby.port}"
    assert metadata.nodes == ("primary", node)
    table = next(one for one in object_statistics(metadata)[0] if one.name == "t")
    assert table.reads_by_node == {"primary": pytest.approx(4 / seconds), node: pytest.approx(6 / seconds)}
    assert table.reads_per_second == pytest.approx(10 / seconds)
    assert table.writes_per_second == pytest.approx(10 / seconds)
    assert metadata.missing == tuple(one for one in metadata.missing if one.what == "Queries")
    assert read_metadata(AssessmentDir(tmp_path / "a")).nodes == metadata.nodes


def test_a_replica_that_is_named_twice_is_asked_once(
    endpoint: Endpoint, primary: Server, standby: Server, tmp_path: Path
) -> None:
    twice = (address(standby), f" {address(standby)} ", f"localhost:{standby.port}")
    metadata = collected(
        endpoint, tmp_path / "a", replicas=twice, interval_seconds=1, preview=lambda _: read(standby, 6)
    )
    node = f"127.0.0.1-{standby.port}"
    assert metadata.nodes == ("primary", node)
    table = next(one for one in object_statistics(metadata)[0] if one.name == "t")
    assert table.reads_by_node[node] == pytest.approx(6 / (metadata.capture_seconds or 0))
    assert not [one.what for one in metadata.missing if "replica" in one.what]


def test_two_replicas_are_told_apart_from_one_with_two_names(
    endpoint: Endpoint, primary: Server, standby: Server
) -> None:
    names = (endpoint, standby.endpoint(), replace(standby.endpoint(), host="localhost"))
    facts = []
    for name in names:
        with contextlib.closing(open_assessed(name)) as source:
            facts.append(source.facts()["instance"])
    assert facts[1] == facts[2] != facts[0]
    assert [fact.split()[0] for fact in facts[:2]] == [str(primary.port), str(standby.port)]


def test_a_replica_that_goes_away_meanwhile_leaves_the_rest(
    endpoint: Endpoint, primary: Server, standby: Server, tmp_path: Path
) -> None:
    def stop(_: Metadata) -> None:
        read(primary, 4)
        standby.stop()

    try:
        metadata = collected(endpoint, tmp_path / "a", replicas=(address(standby),), interval_seconds=2, preview=stop)
    finally:
        standby.start()
    table = next(one for one in object_statistics(metadata)[0] if one.name == "t")
    assert set(table.reads_by_node) == {"primary"}
    assert table.reads_per_second is not None
    assert [one.what for one in metadata.missing if "(replica " in one.what]


def test_what_takes_part_in_another_cluster_is_refused(
    endpoint: Endpoint, source_server: Server, tmp_path: Path
) -> None:
    stranger = f"127.0.0.1:{source_server.port}"
    known = replace(endpoint, password=source_server.password)
    with pytest.raises(UsageError, match="another cluster"):
        collected(known, tmp_path / "a", replicas=(stranger,))
    assert not (tmp_path / "a" / "metadata").exists()


def test_the_primary_is_no_replica_of_itself(endpoint: Endpoint, primary: Server, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes writes itself"):
        collected(endpoint, tmp_path / "a", replicas=(address(primary),))


def test_a_named_replica_that_is_away_stops_the_collection(endpoint: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(DatabaseAway):
        collected(endpoint, tmp_path / "a", replicas=("127.0.0.1:1",))
    with pytest.raises(UsageError, match="no replica's address"):
        collected(endpoint, tmp_path / "a", replicas=("host:port:more",))


def test_a_replica_that_was_only_seen_is_told_when_it_cannot_be_asked(endpoint: Endpoint, tmp_path: Path) -> None:
    """It streams from this machine; at the primary's own port there is the primary."""
    source = open_assessed(endpoint)
    assert [(found.host, found.port) for found in source.replicas()] == [("127.0.0.1", endpoint.port)]
    source.close()
    warned: list[str] = []
    metadata = collected(endpoint, tmp_path / "a", warn=warned.append)
    assert metadata.nodes == ("primary",)
    (missing,) = [one for one in metadata.missing if "replica" in one.what]
    assert "--source-read-replica-endpoints" in missing.reason
    assert any(missing.what in sentence for sentence in warned)


def test_the_primary_alone_is_asked_when_told_so_and_the_report_says_it(endpoint: Endpoint, tmp_path: Path) -> None:
    metadata = collected(endpoint, tmp_path / "a", primary_only=True)
    assert metadata.nodes == ("primary",)
    assert [one.what for one in metadata.missing if "replica" in one.what] == ["1 read replica of 1"]


def test_a_standby_can_be_assessed_itself_without_writes(standby: Server, tmp_path: Path) -> None:
    metadata = collected(replace(standby.endpoint(), schemas=("public",)), tmp_path / "a")
    assert "Writes" in {one.what for one in metadata.missing}
    assert {row["table_name"]: row["row_count"] for row in metadata.rows("table_row_counts")}["t"] >= 100
    assert "CREATE TABLE public.t" in metadata.ddl
