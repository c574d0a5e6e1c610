"""The private servers that the demo and every test stand on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.drive import execute, fetch
from voyager.embedded import start_server, stop_server_in


def test_a_server_keeps_its_port_and_its_committed_rows_over_a_restart(own_server):
    server = own_server()
    endpoint = server.endpoint()
    execute(endpoint, "CREATE TABLE kept AS SELECT 1 AS id")
    server.restart()
    assert fetch(endpoint, "SELECT id FROM kept") == [(1,)]


def test_a_server_asks_for_a_password_unless_told_to_trust(own_server):
    endpoint = own_server().endpoint(password="wrong")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        fetch(endpoint, "SELECT 1")
    assert fetch(own_server(trust=True).endpoint(password="anything"), "SELECT 1") == [(1,)]


def test_settings_given_to_a_server_win_over_ours(own_server):
    endpoint = own_server(settings={"wal_level": "replica", "work_mem": "7MB"}).endpoint()
    assert fetch(endpoint, "SELECT current_setting('wal_level'), current_setting('work_mem')") == [("replica", "7MB")]


def test_a_database_may_have_a_hostile_name(source_server, fresh_database):
    endpoint = fresh_database(source_server, 'odd "name" ; %s é')
    assert fetch(endpoint, "SELECT current_database()") == [('odd "name" ; %s é',)]


def test_postgresql_15_is_at_hand_where_installed(pg15_server):
    assert fetch(pg15_server.endpoint(), "SHOW server_version")[0][0].startswith("15.")


STARTER = """
import sys, time
from voyager.embedded import start_server
server = start_server(sys.argv[1], outlives_us=sys.argv[2] == "outlives")
print(server.process.pid, flush=True)
if sys.argv[2] != "outlives":
    time.sleep(60)
"""


def _start_elsewhere(directory: Path, manner: str) -> tuple[subprocess.Popen[str], int]:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(directory), manner], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    return starter, int(starter.stdout.readline())


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_server_ends_with_a_starter_that_was_killed(servers_directory):
    starter, pid = _start_elsewhere(servers_directory / "orphan", "with us")
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    deadline = time.monotonic() + 50
    while not _gone(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _gone(pid)


def test_a_server_told_to_outlive_its_starter_is_stopped_by_its_directory(servers_directory):
    directory = servers_directory / "kept server"
    starter, pid = _start_elsewhere(directory, "outlives")
    starter.wait()
    assert not _gone(pid)
    assert stop_server_in(directory)
    assert _gone(pid)
    assert not stop_server_in(directory)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
def test_a_directory_closed_to_the_servers_account_is_refused_with_its_name():
    with tempfile.TemporaryDirectory() as closed, pytest.raises(Exception, match="cannot enter"):
        start_server(Path(closed) / "server")
