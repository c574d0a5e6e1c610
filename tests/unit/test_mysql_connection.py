"""How MySQL is reached: the options of an endpoint as the driver takes them, and its errors as ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from mysql.connector import Error

from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, DatabaseAway, OutOfSpace, PermissionMissing, UsageError
from voyager.ports import Capabilities
from voyager.sources.mysql.connection import connection_keywords, tls_keywords
from voyager.sources.mysql.failures import translate
from voyager.sources.mysql.names import account, label, quoted
from voyager.sources.mysql.preflight import preflight


def endpoint(**parts) -> Endpoint:
    return Endpoint(**{"engine": "mysql", "host": "db", "port": 3306, "database": "shop", "user": "dba", **parts})


def error(number: int, text: str) -> Error:
    return Error(msg=text, errno=number)


@pytest.mark.parametrize(
    ("number", "text", "kind"),
    [
        (1045, "Access denied for user 'dba'@'h' (using password: YES)", PermissionMissing),
        (1044, "Access denied for user 'dba'@'%' to database 'shop'", PermissionMissing),
        (1142, "SELECT command denied to user 'dba'@'h' for table `mysql`.`func`", PermissionMissing),
        (
            1227,
            "Access denied; you need (at least one of) the PROCESS privilege(s) for this operation",
            PermissionMissing,
        ),
        (2026, "SSL connection error: certificate verify failed", PermissionMissing),
        (1049, "Unknown database 'shop'", UsageError),
        (1109, "Unknown table 'x' in information_schema", UsageError),
        (2003, "Can't connect to server on 'db' (111)", DatabaseAway),
        (2005, "Unknown server host 'db'", DatabaseAway),
        (1040, "Too many connections", DatabaseAway),
        (1205, "Lock wait timeout exceeded", DatabaseAway),
        (1114, "The table 't' is full", OutOfSpace),
        (1690, "BIGINT value is out of range", BlockersFound),
    ],
)
def test_an_error_of_the_driver_becomes_the_one_that_says_what_to_do(number: int, text: str, kind: type[Exception]):
    found = translate(error(number, text), "read the catalog of mysql://db:3306/shop", database="shop")
    assert type(found) is kind
    assert found.message == f"Could not read the catalog of mysql://db:3306/shop: {text}"


@pytest.mark.parametrize(
    ("number", "text", "grant"),
    [
        (
            1142,
            "SELECT command denied to user 'dba'@'h' for table `mysql`.`func`",
            "GRANT SELECT ON `mysql`.`func` TO 'dba'@'h';",
        ),
        (
            1142,
            "SELECT command denied to user 'dba'@'h' for table 'func'",
            "GRANT SELECT ON `func` TO 'dba'@'h';",
        ),
        (
            1142,
            "SELECT command denied to user 'dba'@'h' for table `performance_schema`.`table_io_waits_summary_by_table`",
            "GRANT SELECT ON `performance_schema`.* TO 'dba'@'h';",
        ),
        (
            1044,
            "Access denied for user 'dba'@'%' to database 'shop'",
            "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `shop`.* TO 'dba'@'%';",
        ),
    ],
)
def test_a_refusal_comes_with_the_grant_that_ends_it(number: int, text: str, grant: str):
    assert translate(error(number, text), "ask", database="shop").details == (grant,)


def test_control_characters_of_a_message_are_made_visible():
    assert "\x1b" not in translate(error(1049, "Unknown database '\x1b[2J'"), "connect").message


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        ({}, {"ssl_disabled": False}),
        ({"sslmode": "prefer"}, {"ssl_disabled": False}),
        ({"sslmode": "disable", "sslrootcert": "ca"}, {"ssl_disabled": True}),
        ({"sslmode": "require"}, {"ssl_disabled": False}),
        ({"sslmode": "prefer", "sslrootcert": "ca"}, {"ssl_disabled": False, "ssl_ca": "ca"}),
        ({"sslmode": "require", "sslrootcert": "ca"}, {"ssl_disabled": False, "ssl_ca": "ca", "ssl_verify_cert": True}),
        (
            {"sslmode": "verify-ca", "sslrootcert": "ca"},
            {"ssl_disabled": False, "ssl_ca": "ca", "ssl_verify_cert": True},
        ),
        (
            {"sslmode": "verify-full", "sslrootcert": "ca", "sslcert": "c", "sslkey": "k"},
            {
                "ssl_disabled": False,
                "ssl_ca": "ca",
                "ssl_cert": "c",
                "ssl_key": "k",
                "ssl_verify_cert": True,
                "ssl_verify_identity": True,
            },
        ),
    ],
)
def test_tls_options_mean_what_they_mean_to_libpq(tls, expected, tmp_path: Path):
    files = {name: str(tmp_path / name) for name in ("ca", "c", "k")}
    for path in files.values():
        Path(path).touch()

    def placed(options):
        return {name: files.get(value, value) if isinstance(value, str) else value for name, value in options.items()}

    assert tls_keywords(placed(tls)) == placed(expected)


@pytest.mark.parametrize(
    ("tls", "says"),
    [
        ({"sslmode": "verify-full"}, "--source-ssl-mode verify-full needs"),
        ({"sslcrl": "x"}, "revoked"),
        ({"sslcert": "x"}, "together"),
        ({"sslrootcert": "/no/such/file"}, "/no/such/file"),
    ],
)
def test_tls_options_that_cannot_be_kept_are_refused(tls: dict[str, str], says: str):
    with pytest.raises(UsageError, match=says):
        tls_keywords(tls)


def test_an_endpoint_becomes_keywords_of_the_driver():
    found = connection_keywords(endpoint(password="secret"))
    assert (found["host"], found["port"], found["database"], found["user"]) == ("db", 3306, "shop", "dba")
    assert found["password"] == "secret"
    assert found["allow_local_infile"] is False
    assert found["charset"] == "utf8mb4"


@pytest.mark.parametrize(
    "parts", [{"host": "/run/mysqld/mysqld.sock"}, {"options": (("unix_socket", "/run/mysqld/mysqld.sock"),)}]
)
def test_a_socket_takes_the_place_of_host_and_port(parts):
    found = connection_keywords(endpoint(**parts))
    assert found["unix_socket"] == "/run/mysqld/mysqld.sock"
    assert "host" not in found


def test_a_nul_is_refused_without_repeating_it():
    with pytest.raises(UsageError) as refused:
        connection_keywords(endpoint(password="can\0ary"))
    assert "ary" not in refused.value.message


def test_names_become_sql_and_text():
    assert quoted("a`b") == "`a``b`"
    assert account("o'hara@10.0.0.%") == "'o''hara'@'10.0.0.%'"
    assert account("a@b@localhost") == "'a@b'@'localhost'"
    assert label("shop", "Orders", "größe") == "shop.Orders.größe"
    assert label("my shop", "a`b") == "`my shop`.`a``b`"
    assert "\x1b" not in label("a\x1bb")


@pytest.mark.parametrize(
    ("product", "number", "severity"),
    [
        ("MySQL", 50651, "error"),
        ("MySQL", 50700, "ok"),
        ("MySQL", 80036, "ok"),
        ("MariaDB", 100244, "error"),
        ("MariaDB", 100300, "ok"),
        ("MariaDB", 110402, "ok"),
    ],
)
def test_the_oldest_servers_are_refused_before_they_are_asked(product: str, number: int, severity: str):
    capabilities = Capabilities("1.2.3", number, facts={"product": product})
    assert preflight(capabilities, endpoint(), tls=True)[0].severity == severity


@pytest.mark.parametrize(
    ("host", "tls", "warned"), [("db", False, True), ("db", True, False), ("127.0.0.1", False, False)]
)
def test_a_connection_in_clear_text_is_warned_of(host: str, tls: bool, warned: bool):
    checks = preflight(Capabilities("8.0.36", 80036, facts={"product": "MySQL"}), endpoint(host=host), tls=tls)
    assert any(check.id == "source_tls" for check in checks) is warned
