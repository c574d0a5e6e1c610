"""Both PostgreSQL drivers reach the same server from one Endpoint, by every TLS, passfile and service form."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import drive
from voyager.embedded import Server, start_server, system_binaries
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError, VoyagerError
from voyager.identifiers import Identifier, quote_literal
from voyager.postgres import bulk
from voyager.postgres.connection import connect

PASSWORD = "p@ss w'ord\"<>$%&;:#\\=/?é "
ROLE = 'ro\'le "x" %s'
WHOAMI = (
    "SELECT session_user::text, coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false),"
    " current_setting('application_name')"
)
Dial = Callable[[Endpoint], tuple[str, bool, str]]


def _by_psycopg(endpoint: Endpoint) -> tuple[str, bool, str]:
    with connect(endpoint, "contract") as connection:
        return connection.execute(WHOAMI).fetchone()  # type: ignore[return-value]


def _by_asyncpg(endpoint: Endpoint) -> tuple[str, bool, str]:
    async def ask() -> tuple[str, bool, str]:
        connection = await bulk.connect(endpoint, "contract")
        try:
            return tuple(await connection.fetchrow(WHOAMI))  # type: ignore[return-value]
        finally:
            await connection.close()

    return asyncio.run(ask())


@pytest.fixture(params=[_by_psycopg, _by_asyncpg], ids=["psycopg", "asyncpg"])
def dial(request: pytest.FixtureRequest) -> Dial:
    return request.param


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a server's certificate for `localhost`, a client's for the role `certified`, and a stranger's."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    place = tmp_path_factory.mktemp("tls files")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

    for authority in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}",
                "-keyout", f"{authority}.key", "-out", f"{authority}.crt")  # fmt: skip
    for name, common in (("server", "localhost"), ("client", "certified")):
        (place / f"{name}.ext").write_text("subjectAltName=DNS:localhost\n")
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={common}",
                "-keyout", f"{name}.key", "-out", f"{name}.csr")  # fmt: skip
        openssl("x509", "-req", "-days", "2", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", f"{name}.ext", "-out", f"{name}.crt")  # fmt: skip
    openssl("rsa", "-aes256", "-passout", "pass:key secret", "-in", "client.key", "-out", "locked.key")
    (place / "index.txt").touch()
    (place / "ca.cnf").write_text("[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\ndefault_md=sha256\n")
    revoking = ("ca", "-config", "ca.cnf", "-keyfile", "ca.key", "-cert", "ca.crt")
    openssl(*revoking, "-gencrl", "-crldays", "2", "-out", "empty.crl")
    openssl(*revoking, "-revoke", "server.crt")
    openssl(*revoking, "-gencrl", "-crldays", "2", "-out", "revoked.crl")
    for key in place.glob("*.key"):
        key.chmod(0o600)
    return place


@pytest.fixture(scope="module")
def tls_server(servers_directory: Path, certificates: Path) -> Iterator[Server]:
    """PostgreSQL 15 with TLS (the embedded one is built without): `certified` must come with a certificate."""
    binaries = system_binaries().get(15)
    if binaries is None:
        pytest.skip("PostgreSQL 15 is not installed (apt-get install postgresql-15)")
    with start_server(servers_directory / "tls", binaries=binaries) as server:
        for name in ("server.crt", "server.key", "ca.crt"):
            server.write_file(name, (certificates / name).read_bytes())
        rules = "hostssl all certified all cert\nhostssl all encrypted all scram-sha-256\n"
        server.write_file(
            "pg_hba.conf", f"{rules}host all encrypted all reject\nhost all all all scram-sha-256\n".encode()
        )
        drive.execute(server.endpoint(), "CREATE ROLE certified LOGIN")
        for role, password in (("encrypted", PASSWORD), (ROLE, PASSWORD), ("filed", PASSWORD)):
            drive.execute(
                server.endpoint(), f"CREATE ROLE {Identifier(role).sql} LOGIN PASSWORD {quote_literal(password)}"
            )
        for setting in ("ssl = on", "ssl_ca_file = 'ca.crt'"):
            drive.execute(server.endpoint(), f"ALTER SYSTEM SET {setting}")
        server.restart()
        yield server


@pytest.fixture
def endpoint(tls_server: Server) -> Endpoint:
    return replace(tls_server.endpoint(user=ROLE, password=PASSWORD), host="localhost")


def _tls(endpoint: Endpoint, certificates: Path, mode: str, **files: str) -> Endpoint:
    given = {"sslmode": mode, **{key: str(certificates / name) for key, name in files.items()}}
    return replace(endpoint, tls=tuple(given.items()))


def test_a_hostile_role_and_password_connect(dial: Dial, endpoint: Endpoint) -> None:
    user, _, application = dial(endpoint)
    assert user == ROLE
    assert application == "yb-voyager contract"


@pytest.mark.parametrize(
    ("mode", "encrypted"),
    [("disable", False), ("allow", False), ("prefer", True), ("require", True)],
)
def test_each_mode_without_certificates_encrypts_as_libpq_says(
    dial: Dial, endpoint: Endpoint, certificates: Path, mode: str, encrypted: bool
) -> None:
    assert dial(_tls(endpoint, certificates, mode))[1] is encrypted


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_of_the_right_authority_is_accepted(
    dial: Dial, endpoint: Endpoint, certificates: Path, mode: str
) -> None:
    assert dial(_tls(endpoint, certificates, mode, sslrootcert="ca.crt"))[1] is True


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
def test_a_server_of_another_authority_is_refused(
    dial: Dial, endpoint: Endpoint, certificates: Path, mode: str
) -> None:
    with pytest.raises(VoyagerError) as refused:
        dial(_tls(endpoint, certificates, mode, sslrootcert="stranger.crt"))
    assert refused.value.exit_code in (2, 9)


def test_verify_full_wants_the_hosts_name_and_verify_ca_does_not(
    dial: Dial, endpoint: Endpoint, certificates: Path
) -> None:
    by_address = replace(endpoint, host="127.0.0.1")
    assert dial(_tls(by_address, certificates, "verify-ca", sslrootcert="ca.crt"))[1] is True
    with pytest.raises(VoyagerError) as refused:
        dial(_tls(by_address, certificates, "verify-full", sslrootcert="ca.crt"))
    assert refused.value.exit_code in (2, 9)


def test_a_client_certificate_is_presented(dial: Dial, endpoint: Endpoint, certificates: Path) -> None:
    certified = replace(endpoint, user="certified").with_password(None)
    given = _tls(
        certified, certificates, "verify-full", sslrootcert="ca.crt", sslcert="client.crt", sslkey="client.key"
    )
    assert dial(given)[:2] == ("certified", True)


def test_a_locked_client_key_opens_with_its_passphrase(dial: Dial, endpoint: Endpoint, certificates: Path) -> None:
    certified = replace(endpoint, user="certified").with_password(None)
    given = _tls(
        certified, certificates, "verify-full", sslrootcert="ca.crt", sslcert="client.crt", sslkey="locked.key"
    )
    assert dial(replace(given, tls=(*given.tls, ("sslpassword", "key secret"))))[0] == "certified"


def test_a_missing_client_certificate_is_a_matter_of_permission(
    dial: Dial, endpoint: Endpoint, certificates: Path
) -> None:
    certified = replace(endpoint, user="certified").with_password(None)
    with pytest.raises(PermissionMissing):
        dial(_tls(certified, certificates, "require"))


def test_a_revocation_list_is_heeded(dial: Dial, endpoint: Endpoint, certificates: Path) -> None:
    assert dial(_tls(endpoint, certificates, "verify-ca", sslrootcert="ca.crt", sslcrl="empty.crl"))[1] is True
    with pytest.raises(VoyagerError) as refused:
        dial(_tls(endpoint, certificates, "verify-ca", sslrootcert="ca.crt", sslcrl="revoked.crl"))
    assert refused.value.exit_code in (2, 9)


def test_a_role_that_must_use_tls_is_refused_without_it(dial: Dial, endpoint: Endpoint, certificates: Path) -> None:
    careful = replace(endpoint, user="encrypted")
    assert dial(_tls(careful, certificates, "require"))[:2] == ("encrypted", True)
    with pytest.raises(PermissionMissing):
        dial(_tls(careful, certificates, "disable"))


def test_a_server_without_tls_is_refused_when_tls_is_required(dial: Dial, target_server: Server) -> None:
    with pytest.raises(VoyagerError) as refused:
        dial(replace(target_server.endpoint(), tls=(("sslmode", "require"),)))
    assert refused.value.exit_code in (8, 9)


def test_the_password_comes_from_a_passfile(dial: Dial, endpoint: Endpoint, tmp_path: Path) -> None:
    passfile = tmp_path / "pass file"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    passfile.write_text(f"# a comment\nother:1:*:*:wrong\nlocalhost:{endpoint.port}:postgres:filed:{escaped}\n")
    passfile.chmod(0o600)
    assert dial(replace(endpoint.with_password(None), user="filed", passfile=str(passfile)))[0] == "filed"


def test_a_service_says_where_the_server_is(
    dial: Dial, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "services.conf"
    services.write_text(
        f"[other]\nhost=nowhere.invalid\n[ours]\nhost=localhost\nport={endpoint.port}\ndbname=postgres\nuser={ROLE}\n"
        "password=overridden\nsslmode=require\n"
    )
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    bare = Endpoint("postgresql", "", 0, "", "", options=(("service", "ours"),), password=PASSWORD)
    assert dial(bare)[:2] == (ROLE, True)


def test_an_unknown_service_is_named(
    dial: Dial, endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "services.conf").write_text("[other]\nhost=nowhere.invalid\n")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services.conf"))
    bare = Endpoint("postgresql", "", 0, "", "", options=(("service", "ours"),), password=PASSWORD)
    with pytest.raises(UsageError, match="ours"):
        dial(bare)


def test_several_hosts_are_tried_in_turn(dial: Dial, endpoint: Endpoint) -> None:
    assert dial(replace(endpoint, host="127.0.0.2,localhost"))[0] == ROLE


def test_what_is_wrong_decides_the_exit_code(dial: Dial, endpoint: Endpoint) -> None:
    with pytest.raises(PermissionMissing):
        dial(endpoint.with_password("wrong"))
    with pytest.raises(PermissionMissing):
        dial(endpoint.with_password(None))
    with pytest.raises(UsageError, match="no such"):
        dial(replace(endpoint, database="no such"))
    with pytest.raises(DatabaseAway):
        dial(replace(endpoint, port=1))
    with pytest.raises(DatabaseAway):
        dial(replace(endpoint, host="nowhere.invalid"))


def test_no_error_shows_the_password(dial: Dial, endpoint: Endpoint) -> None:
    canary = "c4nary-" + PASSWORD
    wrong = endpoint.with_password(canary)
    for broken in (wrong, replace(wrong, port=1), replace(wrong, tls=(("sslmode", "nonsense"),)),
                   replace(wrong, options=(("nonsense", "1"),)), wrong.with_password("c4nary-\0"),
                   wrong.with_password("c4nary-\udcff")):  # fmt: skip
        with pytest.raises(VoyagerError) as refused:
            dial(broken)
        error: BaseException | None = refused.value
        while error is not None:
            assert "c4nary" not in f"{error} {error!r} {error.args}"
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
