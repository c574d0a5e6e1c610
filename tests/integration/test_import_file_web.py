"""Files of web servers: with parts of files or without, that break off, change, compress, redirect, refuse."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.file_import import FileImport, importing_into, numbered, uri
from tests.web_server import WebSite, web_site
from voyager.files import web

pytest.importorskip("aiohttp")

ROWS = 150_000
COUNTED = "SELECT count(*), count(DISTINCT id), min(id), max(id), count(*) FILTER (WHERE name = 'n' || chr(10) || id)"
WHOLE = [(ROWS, ROWS, 0, ROWS - 1, ROWS)]


@pytest.fixture(scope="module")
def content() -> bytes:
    return numbered(0, ROWS)


files = importing_into("CREATE TABLE orders (id int, name text)")


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[WebSite]:
    monkeypatch.setattr(web, "WAITS", (0.01,) * 4)
    with web_site() as made:
        yield made


def given(site: WebSite, name: str = "o.csv", *more: object) -> tuple[object, ...]:
    return ("--data-dir", site.url, "--file-table-map", f"{name}:orders", "--batch-size", 5_000, *more)


def loaded(files: FileImport) -> list[tuple[Any, ...]]:
    return files.rows(f"{COUNTED} FROM orders")


def some_are_in(files: FileImport) -> None:
    wait_until(lambda: files.rows("SELECT count(*) FROM orders") != [(0,)])


@pytest.fixture
def standard_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Python's own web server as people start it: it sends no parts of files."""
    directory = tmp_path / "web"
    directory.mkdir()
    words = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(directory)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    port = re.search(r"port (\d+)", process.stdout.readline())
    assert port is not None
    yield f"http://127.0.0.1:{port[1]}", directory
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize("name", ["o.csv", pytest.param("o.csv.gz", marks=pytest.mark.slow)])
def test_a_file_of_a_server_without_ranges_is_loaded_and_goes_on_after_a_kill(
    files: FileImport, standard_server: tuple[str, Path], content: bytes, name: str
) -> None:
    url, directory = standard_server
    (directory / name).write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)
    where = ["--export-dir", files.directory / "export", "--yes"]
    begin = ["--data-dir", url, "--file-table-map", f"{name}:orders", "--parallel-jobs", 3, "--batch-size", 5_000]
    environment = {"YB_VOYAGER_LEASE_SECONDS": "2", "YB_VOYAGER_TARGET_DB_URI": uri(files.target)}
    count = "SELECT count(*) FROM orders"
    # The batch with this row, and no other, waits.
    with shut_door(files.target, "orders", f"id = {ROWS * 2 // 3}"):
        process = drive.start_cli("migrate", "import", "file", *where, *begin, env=environment)
        wait_until(lambda: files.rows(count) != [(0,)])
        process.kill()
        process.communicate()
    assert 0 < files.rows(count)[0][0] < ROWS
    done = drive.run_cli("migrate", "import", "file", *where, "--batch-size", 3000, env=environment)
    assert done.returncode == 0, done.stderr
    assert loaded(files) == WHOLE


def test_a_file_that_changed_on_a_server_that_tells_its_time_alone_is_refused(
    files: FileImport, standard_server: tuple[str, Path]
) -> None:
    url, directory = standard_server
    (directory / "o.csv").write_bytes(b"1,aa\n")
    files.run("--data-dir", url, "--file-table-map", "o.csv:orders")
    (directory / "o.csv").write_bytes(b"2,bb\n")
    later = time.time() + 10
    drive.os.utime(directory / "o.csv", (later, later))
    error = files.tell(code=5).document["error"]
    assert error["message"] == f"{url}/o.csv has changed since rows of it were loaded into public.orders."


@pytest.mark.parametrize(("ranges", "chunked"), [(True, False), (False, True)])
def test_a_connection_that_breaks_off_is_made_again(
    files: FileImport, site: WebSite, content: bytes, ranges: bool, chunked: bool
) -> None:
    site.files["/o.csv"], site.ranges, site.chunked = content, ranges, chunked
    third = len(content) // 3
    site.cuts = [third, 100, third, 10] if ranges else [third, 100, 2 * third, 10]
    files.run(*given(site))
    assert loaded(files) == WHOLE
    assert site.cuts == []
    assert len(site.gets()) == 5
    assert site.gets()[1] == f"bytes={third}-"


def test_a_server_that_always_breaks_off_is_exit_code_8_and_the_same_command_goes_on(
    files: FileImport, site: WebSite, content: bytes
) -> None:
    """Its answer is never taken for the end of the file."""
    site.files["/o.csv"], site.ranges, site.always_cut = content, False, len(content) // 2
    site.cutting = lambda: some_are_in(files)
    error = files.run(*given(site), code=8).document["error"]
    assert error["message"] == f"{site.url}/o.csv could not be read: the connection was closed in the middle."
    before = files.rows("SELECT count(*) FROM orders")[0][0]
    assert 0 < before < ROWS
    site.always_cut = 0
    files.tell()
    assert loaded(files) == WHOLE


def test_a_command_that_waits_for_a_server_can_be_stopped(files: FileImport, site: WebSite, content: bytes) -> None:
    site.files["/o.csv"], site.always_cut, site.held = content, len(content) // 2, threading.Event()
    where = ["--export-dir", files.directory / "export", "--yes"]
    environment = {"YB_VOYAGER_TARGET_DB_URI": uri(files.target)}
    process = drive.start_cli("migrate", "import", "file", *where, *given(site), env=environment)
    try:
        some_are_in(files)
        process.send_signal(signal.SIGINT)
        # Well before the answer is given up for lost.
        told = process.communicate(timeout=web.TIMEOUTS["sock_read"] / 2)
    finally:
        process.kill()
        site.held.set()
    assert process.returncode == 130, told
    site.always_cut, site.held = 0, None
    files.tell()
    assert loaded(files) == WHOLE


def test_what_is_in_is_not_asked_for_again_where_the_server_sends_parts(
    files: FileImport, site: WebSite, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "_AHEAD", 64 << 10)
    site.files["/o.csv"], site.ranges, site.always_cut = content, False, len(content) - 300_000
    site.cutting = lambda: some_are_in(files)
    files.run(*given(site), code=8)
    assert files.rows("SELECT count(*) > 0 FROM orders") == [(True,)]
    site.ranges, site.always_cut, before = True, 0, len(site.asked)
    files.tell()
    assert loaded(files) == WHOLE
    ranges = [part for method, _, part in site.asked[before:] if method == "GET"]
    assert ranges[0] == ""
    assert int(ranges[1].removeprefix("bytes=").rstrip("-")) > 64 << 10


@pytest.mark.parametrize("ranges", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_file_that_changes_while_it_is_read_is_refused(
    files: FileImport, site: WebSite, content: bytes, ranges: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other rows of the same length: the next connection is not of the file that was begun."""
    site.files["/o.csv"], site.ranges, site.cuts = content, ranges, [len(content) // 3]
    begin = web.WebFile._begin

    async def change(self: web.WebFile) -> None:
        if self._at:
            site.files["/o.csv"] = content.replace(b"n", b"m")
        await begin(self)

    monkeypatch.setattr(web.WebFile, "_begin", change)
    error = files.run(*given(site), code=5).document["error"]
    assert error["message"] == f"{site.url}/o.csv has changed since this import found it."
    assert files.rows("SELECT count(*) FROM orders WHERE name LIKE 'm%'") == [(0,)]


def test_who_is_away_who_refuses_and_what_is_not_there_are_told_apart(files: FileImport, site: WebSite) -> None:
    def refused(url: str, name: str, code: int) -> str:
        error = files.refused("--data-dir", url, "--file-table-map", f"{name}:orders", code=code)
        return str(error["message"]).replace(site.url, "W") + " " + error["hint"]

    site.status = {"/401.csv": 401, "/403.csv": 403, "/500.csv": 500, "/503.csv": 503, "/400.csv": 400}
    site.redirects = {"/round.csv": "/round.csv?token=5ecret", "/round.csv?token=5ecret": "/round.csv"}
    site.files = {"/x": b"<html>", "/login": b"<html>"}
    away = refused("http://127.0.0.1:1", "x.csv", 8)
    assert away.startswith(
        "http://127.0.0.1:1/x.csv could not be read: no connection to 127.0.0.1:1: Connection refused."
    )
    assert "no connection to nosuch.invalid:80" in refused("http://nosuch.invalid", "x.csv", 8)
    assert refused(site.url, "401.csv", 9).startswith(
        "W/401.csv may not be read: its server refuses access (401 Unauthorized). Give credentials as fsspec takes them"
    )
    assert "its server refuses access (403 Forbidden)" in refused(site.url, "403.csv", 9)
    assert "its server answers 500 Internal Server Error" in refused(site.url, "500.csv", 8)
    assert "its server answers 503 Service Unavailable" in refused(site.url, "503.csv", 8)
    assert "its server answers 400 Bad Request" in refused(site.url, "400.csv", 2)
    assert refused(site.url, "gone.csv", 2).startswith("There is no file W/gone.csv.")
    assert refused(site.url, "*.csv", 2) == (
        "There is no file W/*.csv, and a web server cannot be searched by a pattern. "
        "Name the files in --file-table-map, one by one."
    )
    assert "5ecret" not in refused(site.url, "round.csv", 2)


def test_a_web_page_in_the_place_of_a_file_is_refused(files: FileImport, site: WebSite, tmp_path: Path) -> None:
    site.redirects, site.files = {"/o.csv": "/login"}, {"/login": b"<p>Who are you?</p>"}
    site.headers = {"Content-Type": "text/html; charset=utf-8"}
    error = files.run(*given(site), code=2).document["error"]
    assert error["message"] == f"{site.url}/o.csv is no file: its server sends a web page in its place."


def test_a_redirect_is_followed_and_the_address_that_was_written_is_kept(
    files: FileImport, site: WebSite, content: bytes
) -> None:
    site.files["/real?signature=5ecret"] = content
    site.redirects["/o.csv"] = "/real?signature=5ecret"
    site.cuts = [100_000]
    files.run(*given(site))
    assert loaded(files) == WHOLE
    assert site.gets() == ["", "", f"bytes={100_000}-", f"bytes={100_000}-"]
    kept = drive.subprocess.run(
        ["grep", "-rl", "5ecret", str(files.directory / "export")], capture_output=True, check=False
    )
    assert kept.stdout == b""
    assert files.rows("SELECT DISTINCT split_part(snapshot, chr(9), 1) FROM ybvoyager.import_batches") == [
        (f"{site.url}/o.csv",)
    ]


def test_two_spellings_of_one_address_are_one_file(files: FileImport, site: WebSite) -> None:
    site.files["/my%20orders.csv"] = numbered(0, 10)
    both = "my orders.csv:orders,my%20orders.csv:orders"
    error = files.refused("--data-dir", site.url, "--file-table-map", both, code=2)
    assert error["message"].startswith(f"Two entries of --file-table-map mean {site.url}/my%20orders.csv")
    files.run("--data-dir", site.url, "--file-table-map", "my orders.csv:orders")
    assert files.rows("SELECT count(*) FROM orders") == [(10,)]


def test_a_server_that_compresses_unasked_is_refused_but_for_files_that_are_compressed(
    files: FileImport, site: WebSite, content: bytes
) -> None:
    packed = gzip.compress(content, 1)
    site.files = {"/o.csv": packed, "/o.csv.gz": packed}
    site.headers = {"Content-Encoding": "gzip"}
    error = files.run(*given(site), code=2).document["error"]
    assert error["message"].startswith(f"{site.url}/o.csv comes compressed (gzip), though")
    site.headers, site.get_headers = {}, {"Content-Encoding": "gzip"}
    error = files.run(*given(site), code=2).document["error"]
    assert error["message"].startswith(f"{site.url}/o.csv comes compressed (gzip), though")
    assert all(one["Accept-Encoding"] == "identity" for one in site.given)
    files.tell(*given(site, "o.csv.gz"), "--start-clean")
    assert loaded(files) == WHOLE


def test_a_server_that_does_not_say_how_long_a_file_is_or_of_when_is_refused(files: FileImport, site: WebSite) -> None:
    site.files["/o.csv"], site.with_version = numbered(0, 10), False
    assert "has no version" in files.run(*given(site), code=2).document["error"]["message"]
    site.with_version, site.get_only, site.chunked = True, True, True
    assert "has no size" in files.run(*given(site), code=2).document["error"]["message"]
    site.chunked = False
    files.run(*given(site))
    assert files.rows("SELECT count(*) FROM orders") == [(10,)]


def test_a_file_that_is_longer_than_its_server_said_is_refused(
    files: FileImport, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.files["/o.csv"], site.chunked = numbered(0, 10), True
    site.headers = {"ETag": '"same"'}
    ask = web.WebStorage._facts

    async def shorter(self: web.WebStorage, url: str) -> Any:
        found = await ask(self, url)
        return found and web.StoredFile(found.url, found.size - 10, found.version)

    monkeypatch.setattr(web.WebStorage, "_facts", shorter)
    error = files.run(*given(site), code=5).document["error"]
    assert error["message"] == f"{site.url}/o.csv has changed since this import found it."


def test_settings_of_fsspec_give_credentials_and_are_not_kept(
    files: FileImport, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fsspec

    monkeypatch.setitem(fsspec.config.conf, "http", {"headers": {"Authorization": "Bearer 5ecret"}})
    site.files["/o.csv"] = numbered(0, 10)
    files.run(*given(site))
    assert {one["Authorization"] for one in site.given} == {"Bearer 5ecret"}
