"""How Oracle is reached, and what its errors mean, without any server."""

from __future__ import annotations

import socket
import subprocess
import sys
from types import SimpleNamespace

import oracledb
import pytest

from tests.drive import ROOT
from tests.oracle_double import oracle_error
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.ports import Capabilities, Check
from voyager.sources.oracle import connection
from voyager.sources.oracle.connection import connection_keywords, exact_values, place
from voyager.sources.oracle.failures import MEANINGS, from_driver, translate
from voyager.sources.oracle.metadata import QUESTIONS
from voyager.sources.oracle.preflight import grants, preflight, version_number

HR = Endpoint("oracle", "db.example.com", 1521, "ORCLPDB1", "hr", password="CANARY")


def test_a_service_a_sid_or_an_alias_names_the_database():
    service = connection_keywords(HR, "assess")
    assert (service["host"], service["port"], service["service_name"]) == ("db.example.com", 1521, "ORCLPDB1")
    sid = connection_keywords(_with(sid="ORCL"), "assess")
    assert (sid["sid"], "service_name" in sid) == ("ORCL", False)
    alias = connection_keywords(_with(tns_alias="PROD"), "assess")
    assert (alias["dsn"], "host" in alias) == ("PROD", False)
    for keywords in (service, sid):
        oracledb.ConnectParams(**{name: value for name, value in keywords.items() if name != "dsn"})


def _with(**options: str) -> Endpoint:
    return Endpoint("oracle", HR.host, HR.port, HR.database, HR.user, options=tuple(options.items()), password="CANARY")


def test_the_database_is_shown_without_the_user_and_the_password():
    assert place(HR) == "oracle://db.example.com:1521/ORCLPDB1"
    assert place(_with(sid="ORCL")) == "oracle://db.example.com:1521 (SID ORCL)"
    assert place(_with(tns_alias="PROD")) == "Oracle by the alias PROD"


def test_tls_is_used_where_it_is_asked_for_and_verified_as_asked():
    def keywords(mode: str) -> dict[str, object]:
        endpoint = Endpoint("oracle", "h", 2484, "S", "u", tls=(("sslmode", mode),), password="x")
        return connection_keywords(endpoint, "assess")

    assert "protocol" not in keywords("prefer")
    assert keywords("require")["protocol"] == "tcps"
    assert keywords("require")["ssl_server_dn_match"] is False
    assert keywords("verify-full")["ssl_context"].check_hostname is True  # type: ignore[attr-defined]


def test_a_port_that_accepts_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connection, "SECONDS_TO_LOG_IN", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = Endpoint("oracle", "127.0.0.1", silent.getsockname()[1], "S", "u", password="CANARY")
        with pytest.raises(DatabaseAway, match="does not answer") as refused:
            connection.connect(endpoint, "assess")
    assert "CANARY" not in str(refused.value)


def test_without_a_password_nothing_is_tried():
    with pytest.raises(PermissionMissing, match="no password for hr"):
        connection_keywords(HR.with_password(None), "assess")


def test_numbers_come_as_text_and_long_text_as_it_is():
    cursor = SimpleNamespace(arraysize=7, var=lambda kind, **more: (kind, more["arraysize"]))
    assert exact_values(cursor, SimpleNamespace(type_code=oracledb.DB_TYPE_NUMBER)) == (oracledb.DB_TYPE_VARCHAR, 7)
    assert exact_values(cursor, SimpleNamespace(type_code=oracledb.DB_TYPE_CLOB)) == (oracledb.DB_TYPE_LONG, 7)
    assert exact_values(cursor, SimpleNamespace(type_code=oracledb.DB_TYPE_VARCHAR)) is None


@pytest.mark.parametrize(
    ("code", "expected", "exit_code"),
    [
        (1017, PermissionMissing, 9),
        (28000, PermissionMissing, 9),
        (942, PermissionMissing, 9),
        (1031, PermissionMissing, 9),
        (12541, DatabaseAway, 8),
        (3113, DatabaseAway, 8),
        (1033, DatabaseAway, 8),
        (1555, DatabaseAway, 8),
        (12154, UsageError, 2),
        (904, UsageError, 2),
        (1652, OutOfSpace, 10),
        (6502, VoyagerError, 1),
    ],
)
def test_an_error_of_the_server_becomes_ours_with_its_exit_code(
    code: int, expected: type[VoyagerError], exit_code: int
):
    error = translate(oracle_error(code, "something about it"), "ask", user="HR", grants=("GRANT X;",))
    assert (type(error), error.exit_code) == (expected, exit_code)
    assert f"ORA-{code:05}: something about it" in error.message
    assert "docs.oracle.com" not in error.message
    assert (error.details == ("GRANT X;",)) == (code in (942, 1031))


def test_an_account_without_create_session_is_told_the_grant():
    error = translate(oracle_error(1045, "user HR lacks CREATE SESSION privilege"), "connect", user="HR")
    assert "GRANT CREATE SESSION TO HR;" in error.hint


def test_the_cause_within_an_error_of_the_driver_decides():
    text = 'DPY-6005: cannot connect to database (CONNECTION_ID=x).\nDPY-6001: Service "NOPE" is not registered'
    error = translate(oracledb.OperationalError(text), "connect")
    assert isinstance(error, UsageError)
    assert error.message == 'Could not connect: DPY-6001: Service "NOPE" is not registered'


def test_every_meaning_says_what_to_do():
    assert all(meaning.hint.endswith((".", ";")) or meaning.hint.endswith(")") for meaning in MEANINGS.values())
    assert from_driver(oracle_error(1, "x"))
    assert not from_driver(ValueError())


def test_a_grant_names_the_object_behind_a_public_synonym():
    assert grants(["dba_tables", "v$sqlarea"], 'A"B') == [
        'GRANT SELECT ON SYS.DBA_TABLES TO "A""B";',
        'GRANT SELECT ON SYS.V_$SQLAREA TO "A""B";',
    ]


def test_releases_compare_by_their_parts():
    assert version_number("19.3.0.0.0") > version_number("12.2.0.1.0") > version_number("12.1.0.2.0") >= 120100
    assert version_number("11.2.0.4.0") < 120100


def test_without_the_driver_the_operator_is_told_what_to_install():
    program = (
        "import sys; sys.modules['oracledb'] = None\n"
        "from voyager.endpoint import Endpoint; from voyager.errors import UsageError; from voyager import sources\n"
        "print(len(sources.questions_of('oracle')))\n"
        "try: sources.open_assessed(Endpoint('oracle', 'h', 1521, 'S', 'u'))\n"
        "except UsageError as error: print(error.hint)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[1:] == ["Run: pip install 'yb-voyager[oracle]'"]


def _checks(version: str, host: str = "db.example.com", **facts: str) -> dict[str, Check]:
    said = {"role": "HR", "version": f"Oracle {version}", "dictionary": "dba_", "protocol": "tcps", **facts}
    capabilities = Capabilities(version=version, version_number=version_number(version), facts=said)
    refused = [question for question in QUESTIONS if question.name == "code-sources"]
    endpoint = Endpoint("oracle", host, 1521, "S", "HR")
    return {check.id: check for check in preflight(endpoint, capabilities, refused)}


def test_a_release_that_cannot_be_read_is_an_error_and_the_oldest_that_can_is_none():
    assert _checks("11.2.0.4.0")["source_version"].severity == "error"
    assert _checks("12.1.0.2.0")["source_version"].severity == "ok"


def test_a_question_that_would_be_refused_is_a_warning_with_the_grant():
    check = _checks("19.3.0.0.0")["source_code_sources"]
    assert (check.severity, check.sql) == ("warning", 'GRANT SELECT_CATALOG_ROLE TO "HR";')
    assert "effort" in check.finding


def test_a_connection_over_a_network_without_tls_is_a_warning():
    assert "source_tls" in _checks("19.3.0.0.0", protocol="tcp")
    assert "source_tls" not in _checks("19.3.0.0.0", protocol="tcps")
    assert "source_tls" not in _checks("19.3.0.0.0", host="localhost", protocol="tcp")
