"""Files that are elsewhere: a real S3 server (moto's), a real web server; the others as far as what fsspec is told."""

from __future__ import annotations

import functools
import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.file_import import FileImport, importing_into, numbered
from voyager.errors import DatabaseAway, UsageError
from voyager.files import cloud
from voyager.files.cloud import Address, address_of
from voyager.files.storage import StoredFile

boto3 = pytest.importorskip("boto3")
moto_server = pytest.importorskip("moto.server")


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bucket `dump`, and what fsspec must be told, which an operator writes into the environment."""
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s"), ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", s3_url), ("AWS_EC2_METADATA_DISABLED", "true"),
    ):  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=s3_url)
    client.create_bucket(Bucket="dump")
    yield client
    for one in client.list_objects_v2(Bucket="dump").get("Contents", []):
        client.delete_object(Bucket="dump", Key=one["Key"])
    client.delete_bucket(Bucket="dump")


files = importing_into("CREATE TABLE orders (id int, name text)")


def test_objects_of_a_bucket_are_found_by_pattern_and_directory_and_loaded(files: FileImport, s3: Any) -> None:
    s3.put_object(Bucket="dump", Key="a/orders1.csv", Body=b"id,name\n" + numbered(0, 100_000))
    s3.put_object(
        Bucket="dump", Key="a/orders2.csv.zst", Body=zstandard.compress(b"id,name\n" + numbered(100_000, 150_000))
    )
    s3.put_object(Bucket="dump", Key="a/other.csv", Body=b"no")
    s3.put_object(Bucket="dump", Key="b/sub/orders3.csv", Body=b"id,name\n" + numbered(150_000, 150_010))
    s3.put_object(Bucket="dump", Key="b/_SUCCESS", Body=b"")
    given = ("--data-dir", "s3://dump", "--has-header", "--file-table-map", "a/orders*:orders,b:orders")
    assert files.run(*given).document["summary"]["rows"] == 150_010
    counted = (
        "SELECT count(*), count(DISTINCT id), min(id), max(id), count(*) FILTER (WHERE name = 'n' || chr(10) || id)"
    )
    assert files.rows(f"{counted} FROM orders") == [(150_010, 150_010, 0, 150_009, 150_010)]
    assert files.rows("SELECT DISTINCT split_part(snapshot, chr(9), 1) FROM ybvoyager.import_batches ORDER BY 1") == [
        ("s3://dump/a/orders1.csv",), ("s3://dump/a/orders2.csv.zst",), ("s3://dump/b/sub/orders3.csv",),
    ]  # fmt: skip
    assert "source" in files.rows("SELECT 'source', source ->> 'engine' FROM ybvoyager.migrations")[0]


def test_an_object_that_changed_is_refused_by_its_etag(files: FileImport, s3: Any) -> None:
    s3.put_object(Bucket="dump", Key="o.csv", Body=b"1,aa\n")
    files.run("--data-dir", "s3://dump", "--file-table-map", "o.csv:orders")
    s3.put_object(Bucket="dump", Key="o.csv", Body=b"2,bb\n")
    error = files.tell(code=5).document["error"]
    assert error["message"] == "s3://dump/o.csv has changed since rows of it were loaded into public.orders."


def test_a_bucket_that_is_not_there_or_an_object_is_told_by_name(files: FileImport, s3: Any) -> None:
    missing = files.refused("--data-dir", "s3://dump", "--file-table-map", "gone.csv:orders", code=2)
    assert missing["message"] == "There is no file s3://dump/gone.csv."
    missing = files.refused("--data-dir", "s3://nowhere", "--file-table-map", "*.csv:orders", code=2)
    assert "s3://nowhere" in missing["message"]


def test_a_store_that_is_away_is_exit_code_8_and_the_same_command_goes_on(
    files: FileImport, s3: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3.put_object(Bucket="dump", Key="o.csv", Body=numbered(0, 200_000))
    given = ("--data-dir", "s3://dump", "--batch-size", 10_000, "--file-table-map", "o.csv:orders")
    read, calls = cloud.Asked.read, []

    def cut_off(stream: cloud.Asked, size: int = -1) -> bytes:
        calls.append(size)
        if len(calls) == 4:
            return cloud._asked(lambda: (_ for _ in ()).throw(ConnectionResetError("cut")), "s3://dump/o.csv")
        return read(stream, size)

    monkeypatch.setattr(cloud.Asked, "read", cut_off)
    error = files.run(*given, code=8).document["error"]
    assert error["message"].startswith("s3://dump/o.csv could not be read: ConnectionResetError")
    monkeypatch.setattr(cloud.Asked, "read", read)
    before = files.rows("SELECT count(*) FROM orders")[0][0]
    assert 0 < before < 200_000
    files.run(*given)
    assert files.rows("SELECT count(*), count(DISTINCT id) FROM orders") == [(200_000, 200_000)]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    directory = tmp_path / "web"
    directory.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(directory)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", directory
    server.shutdown()
    server.server_close()


def test_a_file_of_a_web_server_is_loaded(files: FileImport, web: tuple[str, Path]) -> None:
    url, directory = web
    (directory / "o.csv").write_bytes(numbered(0, 50_000))
    files.run("--data-dir", url, "--file-table-map", "o.csv:orders")
    assert files.rows("SELECT count(*), count(DISTINCT id) FROM orders") == [(50_000, 50_000)]
    missing = files.refused("--data-dir", url, "--file-table-map", "gone.csv:orders", code=2)
    assert missing["message"] == f"There is no file {url}/gone.csv."


@pytest.mark.parametrize(
    ("location", "address"),
    [
        ("s3://bucket/a b/x.csv", Address("s3", "bucket/a b/x.csv")),
        ("s3a://bucket/x.csv", Address("s3", "bucket/x.csv")),
        ("gs://bucket/x.csv", Address("gs", "bucket/x.csv")),
        ("gcs://bucket/x.csv", Address("gs", "bucket/x.csv")),
        ("https://host/x.csv", Address("https", "https://host/x.csv")),
        ("abfs://container/x.csv", Address("abfs", "container/x.csv")),
        ("abfs://container@account/x.csv", Address("abfs", "container@account/x.csv")),
        ("s3://bucket/part?/day=1/x@y:z.csv", Address("s3", "bucket/part?/day=1/x@y:z.csv")),
        ("https://host:80/x@y.csv?raw", Address("https", "https://host:80/x@y.csv?raw")),
        ("http://[::1]:80/x@y.csv", Address("http", "http://[::1]:80/x@y.csv")),
        ("az://container/x.csv", Address("abfs", "container/x.csv")),
        (
            "https://mine.blob.core.windows.net/container/x*.csv",
            Address("abfs", "container/x*.csv", {"account_name": "mine"}),
        ),
    ],
)
def test_what_fsspec_is_told_of_each_kind_of_place(location: str, address: Address) -> None:
    assert address_of(location) == address


@pytest.mark.parametrize(
    "location",
    [
        "https://host/x.csv?sig=5ecret",
        "https://mine.blob.core.windows.net/c/x?sv=1&sig=5ecret",
        "https://me:5ecret@host/x.csv",
        "s3://key:5ecret@bucket/x.csv",
        "s3://key:5e/5ecret@bucket/x.csv",
        "abfs://container@account/x.csv?sv=1&sig=5ecret",
        "https://me:5e@5ecret@host/x.csv",
        "https://me:5e/5ecret@host/x.csv",
        "https://5ecret@host/x.csv",
        "https://host/x.csv?5ecret5ecret5ecret",
    ],
)
def test_an_address_that_holds_a_secret_is_refused_without_repeating_it(location: str) -> None:
    with pytest.raises(UsageError, match="may hold a secret") as refused:
        address_of(location)
    assert "5ecret" not in refused.value.message + refused.value.hint


def test_a_place_with_a_secret_is_refused_even_where_no_file_counts_from_it(files: FileImport) -> None:
    path = files.write("o.csv", "1,a\n")
    given = ("--data-dir", "https://me:5ecret@host", "--file-table-map", f"{path}:orders")
    error = files.refused(*given, code=2)
    assert error["message"].startswith("The address of https://…@host may hold a secret")
    bad = files.refused("--file-table-map", "https://me:5ecret@host/x.y.csv", code=2)
    assert bad["message"] == "'https://…@host/x.y.csv' in --file-table-map is not FILE:TABLE."


def test_an_object_that_ends_too_early_is_no_whole_object() -> None:
    opened = cloud.Asked(io.BytesIO(b"1,a\n"), StoredFile("s3://dump/o.csv", 5, "v"))
    assert opened.read(10) == b"1,a\n"
    with pytest.raises(DatabaseAway, match="nothing came after 4 of 5 bytes"):
        opened.read(10)


def test_a_missing_package_is_named(files: FileImport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud.importlib.util, "find_spec", lambda name: None if name == "gcsfs" else object())
    error = files.refused("--data-dir", "gs://bucket", "--file-table-map", "o.csv:orders", code=2)
    assert (error["message"], error["hint"]) == (
        "Reading gs:// needs gcsfs, not installed here.",
        "Install it with: pip install 'yb-voyager[cloud]'.",
    )
