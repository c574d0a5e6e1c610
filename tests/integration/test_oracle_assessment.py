"""An Oracle database assessed from end to end by the dictionary double: nothing here has run on Oracle."""

from __future__ import annotations

import dataclasses
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.oracle_double import OracleDouble
from tests.oracle_hr import hr
from tests.oracle_sqlplus import Exit, Session
from voyager.assessment.assessment import NOT_AVAILABLE
from voyager.assessment.collect import Collection, collect
from voyager.assessment.ingest import ingest
from voyager.assessment.judgement import Judgement
from voyager.assessment.judges import judge
from voyager.assessment.judges.oracle.names import RESERVED
from voyager.assessment.metadata import Metadata
from voyager.assessment.scripts import write_scripts
from voyager.assessment_dir import AssessmentDir
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.sources.oracle.assessed import OracleDictionary
from voyager.sources.oracle.connection import connect
from voyager.sources.oracle.metadata import QUESTIONS

ORACLE = Endpoint("oracle", "localhost", 1521, "ORCLPDB1", "ASSESSOR", schemas=("hr",), password="x")


@pytest.fixture
def double_for(source_server: Server, fresh_database: Callable[..., Endpoint]) -> Callable[..., OracleDouble]:
    """`double_for(user, **what it may read)`: the dictionary double with the sample schema, as that user sees it."""

    def make(user: str, **options: Any) -> OracleDouble:
        made = OracleDouble(fresh_database(source_server), user=user, **options)
        made.load(hr().rows)
        return made

    return make


@pytest.fixture
def double(double_for: Callable[..., OracleDouble]) -> OracleDouble:
    """For a user who may read all of it."""
    return double_for("ASSESSOR")


@pytest.fixture
def assess(tmp_path: Path) -> Callable[..., tuple[Metadata, Judgement]]:
    def run(double: OracleDouble, endpoint: Endpoint = ORACLE) -> tuple[Metadata, Judgement]:
        directory = AssessmentDir(tmp_path / "assessment")
        directory.create()
        source = OracleDictionary(endpoint, double.connect)
        try:
            metadata = collect(source, directory, Collection())
        finally:
            source.close()
        return metadata, judge(metadata, target_version=LATEST_STABLE)

    return run


def _found(judgement: Judgement, issue_id: str) -> set[str]:
    return {one.object_name for one in judgement.findings if one.issue_id == issue_id}


def test_every_question_is_answered_and_nothing_of_another_schema_is_taken(double: OracleDouble, assess: Any):
    metadata, _ = assess(double)
    assert {name for name, rows in metadata.tables.items() if not rows} == set()
    assert metadata.missing == ()
    assert metadata.facts["role"] == "ASSESSOR"
    assert metadata.schemas == ("HR",)
    assert (metadata.database, metadata.version.split(" Enterprise")[0]) == ("ORCLPDB1", "Oracle Database 19c")
    strangers = [
        (name, row) for name, rows in metadata.tables.items() for row in rows
        if row.get("schema_name", row.get("index_schema", "HR")) not in ("HR", "PUBLIC")
    ]  # fmt: skip
    assert strangers == []


def test_tables_of_oracle_itself_are_left_out_and_those_that_look_alike_are_not(double: OracleDouble, assess: Any):
    metadata, _ = assess(double)
    tables = {row["object_name"] for row in metadata.rows("object_type_mapping") if row["object_type"] == "TABLE"}
    assert {"SYSLOG", "LOOKUP", "OFFICES", "CART", "LOADED"} <= tables
    assert not tables & {
        "MAIL_QUEUE", "AQ$_MAIL_QUEUE_S", "PHONES_STORE", "BIN$abc==$0", "DR$TEXT_IX$I", "MLOG$_REGIONS", "TOTALS",
        "SYS_IOT_OVER_73010",
    }  # fmt: skip
    mapped = {row["index_name"] for row in metadata.rows("index_to_table_mapping")}
    assert "EMP_NAME_IX" in mapped
    assert not mapped & {"EMP_EMP_ID_PK", "EMP_EMAIL_UK", "LOOKUP_PK", "EMP_MANAGER_REV", "TEXT_IX", "I_SNAP$_TOTALS"}


def test_rows_and_sizes_are_those_of_the_leaves(double: OracleDouble, assess: Any):
    metadata, _ = assess(double)
    rows = {row["table_name"]: row["row_count"] for row in metadata.rows("table_row_counts")}
    assert {name: rows[name] for name in ("EMPLOYEES", "EVENTS_P2025", "SHARES_A_A_1")} == {
        "EMPLOYEES": 107, "EVENTS_P2025": 1000, "SHARES_A_A_1": 500,
    }  # fmt: skip
    # No partitioned table, no partition that is partitioned, nothing partitioned by reference or by the application.
    assert not rows.keys() & {"EVENTS", "SHARES", "SHARES_A", "LINES", "LINES_P2025", "BUCKETS", "BUCKETS_P1"}
    assert rows["ALL_TYPES"] is None
    sizes = {row["object_name"]: row["size_in_bytes"] for row in metadata.rows("table_index_sizes")}
    assert sizes["ALL_TYPES"] == 65536 + 5000000, "a table's LOBs belong to it"
    assert sizes["LOOKUP"] == 131072, "the rows of an index-organised table are in its index"
    assert "CART" not in sizes


def test_the_findings_of_the_existing_tool_have_its_names(double: OracleDouble, assess: Any):
    _, judgement = assess(double)
    assert _found(judgement, "UNSUPPORTED_INDEXES") == {
        "Index Name: STOCK_CLUSTER_IX, Index Type=CLUSTER INDEX",
        "Index Name: TEXT_IX, Index Type=DOMAIN INDEX",
        "Index Name: LOOKUP_PK, Index Type=IOT - TOP INDEX",
        "Index Name: EMP_MANAGER_REV, Index Type=NORMAL/REV INDEX",
    }
    assert _found(judgement, "VIRTUAL_COLUMNS") == {"EMPLOYEES.YEARLY"}
    assert _found(judgement, "INHERITED_TYPES") == {"OFFICE_T"}
    assert _found(judgement, "UNSUPPORTED_PARTITIONING_METHODS") == {
        "Table Name: LINES, Partition Method: REFERENCE PARTITION",
        "Table Name: BUCKETS, Partition Method: SYSTEM PARTITION",
    }
    assert _found(judgement, "COMPOUND_TRIGGER") == {"trg_all"}
    types = {(one.issue_id, one.object_name) for one in judgement.findings if one.category == "unsupported_datatypes"}
    assert {
        ("BLOB", "HR.ALL_TYPES.PHOTO"),
        ("ANYDATA", "HR.ALL_TYPES.ANYTHING"),
        ("XMLTYPE", "HR.ALL_TYPES.XML"),
    } < types
    assert not any(one.object_name.startswith("SALES.") for one in judgement.findings)


def test_every_trap_of_the_sample_is_told(double: OracleDouble, assess: Any):
    _, judgement = assess(double)
    for issue_id, names in {
        "ORACLE_NUMBER_WITHOUT_PRECISION": {"HR.REGIONS.REGION_ID", "HR.TOTALS.REGION_ID", "HR.EMPLOYEES.YEARLY"},
        "ORACLE_DATE_HAS_TIME": {"HR.EMPLOYEES.HIRE_DATE", "HR.EVENTS.AT"},
        "ORACLE_JSON_COLUMN": {"HR.ALL_TYPES.DOCUMENT"},
        "ORACLE_RAW_AS_UUID": {"HR.ALL_TYPES.KEY"},
        "ORACLE_CHAR_PADDING": {"HR.ALL_TYPES.CODE"},
        "ORACLE_INVISIBLE_COLUMN": {"HR.EMPLOYEES.NOTE"},
        "ORACLE_IDENTITY_ALWAYS": {"HR.EMPLOYEES.EMPLOYEE_ID"},
        "ORACLE_DEFAULT_EXPRESSION": {"HR.EMPLOYEES.HIRE_DATE", "HR.ALL_TYPES.KEY"},
        "ORACLE_BITMAP_JOIN_INDEX": {"EMP_BJI ON HR.EMPLOYEES"},
        "ORACLE_BITMAP_INDEX": {"EMP_GRADE_BIX ON HR.EMPLOYEES"},
        "ORACLE_INDEX_EXPRESSION": {"EMP_MONTH_IX ON HR.EMPLOYEES"},
        "ORACLE_PARTIAL_INDEX": {"EMP_PAID_IX ON HR.EMPLOYEES"},
        "ORACLE_NOT_INDEXABLE": {"LASTED_IX ON HR.ALL_TYPES"},
        "ORACLE_DISABLED_CONSTRAINT": {"HR.EMPLOYEES, constraint: (EMP_SALARY_MIN)"},
        "ORACLE_NOT_VALIDATED_CONSTRAINT": {"HR.EMPLOYEES, constraint: (EMP_MANAGER_FK)"},
        "ORACLE_DEFERRABLE_CONSTRAINT": {"HR.ALL_TYPES, constraint: (ALL_TYPES_PK)"},
        "ORACLE_CHECK_EXPRESSION": {"HR.EMPLOYEES, constraint: (EMP_EMAIL_FORM)"},
        "ORACLE_NULLS_IN_UNIQUE_KEY": {"HR.EMPLOYEES, constraint: (EMP_EMAIL_UK)"},
        "ORACLE_KEY_WITHOUT_PARTITION_KEY": {"HR.EVENTS, constraint: (EVENTS_PK)"},
        "ORACLE_INTERVAL_PARTITIONS": {"HR.EVENTS"},
        "ORACLE_MULTI_COLUMN_LIST_PARTITION": {"HR.SHARES"},
        "ORACLE_GLOBAL_TEMPORARY_TABLE": {"HR.CART"},
        "ORACLE_QUEUE_TABLE": {"HR.MAIL_QUEUE"},
        "ORACLE_SEQUENCE_BEYOND_BIGINT": {"HR.HUGE_SEQ"},
        "ORACLE_REMOTE_SYNONYM": {"HR.FAR"},
        "ORACLE_JOB": {"HR.NIGHTLY", "HR.42"},
        "ORACLE_RESERVED_NAME": {"HR.ORDER", "HR.Mixed Case.USER"},
        "ORACLE_SYSTEM_COLUMN_NAME": {"HR.Mixed Case.XMIN"},
        "ORACLE_NAME_COLLISION": {"HR.REGIONS"},
        "ORACLE_AUTONOMOUS_TRANSACTION": {"HR.AUDIT_ROW"},
        "ORACLE_WRAPPED_CODE": {"HR.SECRET"},
        "BULK_COLLECT": {"HR.PAY"},
        "ORACLE_PACKAGE_VARIABLE": {"HR.PAY"},
        "ORACLE_OTHER_SCHEMA": {"HR.PAY"},
    }.items():
        assert _found(judgement, issue_id) == names, issue_id


def test_objects_are_counted_under_their_names_on_the_target(double: OracleDouble, assess: Any):
    _, judgement = assess(double)
    counts = {one.object_type: one for one in judgement.objects}
    assert '"Mixed Case"' in counts["TABLE"].names
    assert '"order"' in counts["TABLE"].names
    assert "regions ON articles" in counts["INDEX"].names
    assert "isequence" not in " ".join(counts["SEQUENCE"].names)
    assert (len(counts["SEQUENCE"].names), counts["SEQUENCE"].invalid) == (4, 3)
    assert {one.kind: one.count for one in judgement.complexity.effort}["TRIGGER"] == 3
    assert judgement.complexity.effort_days is not None


def test_a_statement_that_ran_is_judged_without_its_constants(double: OracleDouble, assess: Any):
    _, judgement = assess(double)
    queries = [one for one in judgement.findings if one.category == "unsupported_query_constructs"]
    assert [one.issue_id for one in queries] == ["ORACLE_ROWNUM"]
    assert "canary" not in queries[0].statement
    assert not any("SECRET_USER" in str(one) for one in judgement.findings)


def test_what_a_privilege_is_missing_for_is_told_with_the_grant_and_the_rest_is_judged(
    double: OracleDouble, assess: Any
):
    double.refused = {"DBA_SOURCE", "DBA_SEGMENTS", "V$SQLAREA"}
    metadata, judgement = assess(double)
    grants = {one.sql for one in metadata.missing}
    assert grants == {
        'GRANT SELECT ON SYS.DBA_SOURCE TO "ASSESSOR";',
        'GRANT SELECT ON SYS.DBA_SEGMENTS TO "ASSESSOR";',
        'GRANT SELECT ON SYS.V_$SQLAREA TO "ASSESSOR";',
    }
    assert all(one.weakens for one in metadata.missing)
    assert _found(judgement, "ORACLE_DATE_HAS_TIME")
    assert judgement.complexity.level == NOT_AVAILABLE


def test_a_user_without_the_catalog_sees_what_is_its_own_and_is_told_so(double_for: Any, assess: Any):
    own = double_for("HR", catalog=False)
    metadata, judgement = assess(own, dataclasses.replace(ORACLE, user="HR"))
    assert metadata.missing[0].what == "Objects that the user may not access"
    assert metadata.missing[0].sql == 'GRANT SELECT_CATALOG_ROLE TO "HR";'
    assert _found(judgement, "VIRTUAL_COLUMNS") == {"EMPLOYEES.YEARLY"}
    assert "table_index_sizes" not in metadata.tables
    checks = {
        one.id: one for one in OracleDictionary(dataclasses.replace(ORACLE, user="HR"), own.connect).preflight("X")
    }
    assert checks["source_dictionary"].severity == "warning"


def test_a_question_that_an_assessment_needs_ends_it_with_the_grant(double: OracleDouble, assess: Any, tmp_path: Path):
    double.refused = {"DBA_TAB_COLS"}
    with pytest.raises(PermissionMissing) as caught:
        assess(double)
    assert caught.value.details == ('GRANT SELECT ON SYS.DBA_TAB_COLS TO "ASSESSOR";',)
    assert not (tmp_path / "assessment" / "metadata").exists()


def test_a_schema_that_does_not_exist_is_named(double: OracleDouble, assess: Any):
    with pytest.raises(UsageError, match="no schema nobody"):
        assess(double, dataclasses.replace(ORACLE, schemas=("HR", "nobody")))


def test_without_a_schema_every_one_that_is_not_oracles_own_is_assessed(double: OracleDouble, assess: Any):
    metadata, judgement = assess(double, dataclasses.replace(ORACLE, schemas=()))
    assert metadata.schemas == ("HR", "SALES")
    assert "SALES.CUSTOMERS.PHOTO" in _found(judgement, "BLOB")
    assert _found(judgement, "ORACLE_OTHER_SCHEMA") == set(), "both schemas are assessed"
    assert _found(judgement, "COMPOUND_TRIGGER") == {"hr.trg_all", "sales.trg_sales"}
    assert "sales.customers" in next(one for one in judgement.objects if one.object_type == "TABLE").names


def test_a_release_without_a_column_leaves_out_what_only_newer_ones_answer(double: OracleDouble, assess: Any):
    drive.execute(double.endpoint, "DROP VIEW all_sequences; ALTER TABLE dba_sequences DROP COLUMN scale_flag")
    metadata, judgement = assess(double)
    assert [(one.what, "18c" in one.reason or "00904" in one.reason) for one in metadata.missing] == [
        ("Sequences that put the number of the instance before theirs, or that belong to a session", True)
    ]
    assert _found(judgement, "ORACLE_SEQUENCE_BEYOND_BIGINT") == {"HR.HUGE_SEQ"}


def _scripts(directory: Path) -> Path:
    write_scripts("oracle", directory)
    return directory


def _in_order(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted((dict(row) for row in rows), key=repr)


def test_the_scripts_collect_what_the_connection_collects(double: OracleDouble, assess: Any, tmp_path: Path):
    by_connection, _ = assess(double)
    scripts = _scripts(tmp_path / "scripts")
    Session(scripts, double, "hr").run("ora_run_all.sql")
    directory = AssessmentDir(tmp_path / "ingested")
    directory.create()
    ingested = ingest(scripts / "collected", directory)
    moment = {"table_modifications"}  # holds the time of asking
    for name, rows in by_connection.tables.items():
        if name not in moment:
            # Not every answer has an order of its own.
            assert _in_order(ingested.rows(name)) == _in_order(rows), name
    assert ingested.missing == ()
    assert (ingested.schemas, ingested.database, ingested.facts["dictionary"]) == (("HR",), "ORCLPDB1", "dba_")


def test_the_scripts_leave_out_what_would_be_refused_and_say_so(double: OracleDouble, tmp_path: Path):
    double.refused = {"DBA_SOURCE", "REDACTION_POLICIES"}
    scripts = _scripts(tmp_path / "scripts")
    session = Session(scripts, double, "HR")
    session.run("ora_run_all.sql")
    assert not (scripts / "collected" / "code-sources.csv").exists()
    assert session.said.count("left out, see database.json") == 2
    directory = AssessmentDir(tmp_path / "ingested")
    directory.create()
    ingested = ingest(scripts / "collected", directory)
    told = {one.what: one for one in ingested.missing}
    assert set(told) == {
        "The source of procedures, functions, packages, types and triggers", "Policies that mask columns",
    }  # fmt: skip
    assert all(
        "ORA-00942" in one.reason and one.sql == "GRANT SELECT_CATALOG_ROLE TO ASSESSOR;" for one in told.values()
    )


def test_the_scripts_end_with_the_privilege_that_they_cannot_do_without(double: OracleDouble, tmp_path: Path):
    double.refused = {"DBA_TAB_COLS"}
    scripts = _scripts(tmp_path / "scripts")
    with pytest.raises(Exit, match=r"SELECT_CATALOG_ROLE, or SELECT on .*DBA_TAB_COLS.* is needed: ORA-00942"):
        Session(scripts, double, "HR").run("ora_run_all.sql")
    assert not (scripts / "collected" / "database.json").exists()


def test_no_question_is_asked_twice_of_the_double(double: OracleDouble, assess: Any):
    assess(double)
    asked = Counter(double.asked)
    assert [question.name for question in QUESTIONS if asked[question.sql] != 1] == []


def test_the_reserved_words_are_those_of_postgresql_15(pg15_server: Server, fetch: Callable[..., Any]):
    rows = fetch(pg15_server.endpoint(), "SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    assert {word for (word,) in rows} == RESERVED


@pytest.fixture
def listener() -> Iterator[Callable[[bytes], int]]:
    """`listener(packet)`: the port of a socket that answers one connection with a TNS packet."""
    opened: list[socket.socket] = []

    def start(packet: bytes) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        opened.append(server)

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(packet)

        threading.Thread(target=answer, daemon=True).start()
        return int(server.getsockname()[1])

    yield start
    for server in opened:
        server.close()


def _refusal(code: int) -> bytes:
    """A TNS REFUSE packet as a listener sends it."""
    text = f"(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR={code})(ERROR_STACK=(ERROR=(CODE={code})(EMFI=4))))".encode()
    body = bytes([34, 0]) + len(text).to_bytes(2, "big") + text
    return (len(body) + 8).to_bytes(2, "big") + b"\0\0" + b"\4" + b"\0" + b"\0\0" + body


@pytest.mark.parametrize(
    ("code", "expected", "says"),
    [
        (12514, UsageError, "NOPE"),
        (12505, UsageError, "SID"),
        (12516, DatabaseAway, "12516|refused"),
        (12528, DatabaseAway, "12528|refused"),
    ],
)
def test_what_a_listener_refuses_reaches_the_operator_through_the_real_driver(
    listener: Callable[[bytes], int], code: int, expected: type[Exception], says: str
):
    options = (("sid", "NOPE"),) if code == 12505 else ()
    endpoint = Endpoint(
        "oracle", "127.0.0.1", listener(_refusal(code)), "NOPE", "HR", options=options, password="CANARY"
    )
    with pytest.raises(expected, match=says) as caught:
        connect(endpoint, "assess")
    assert "CANARY" not in repr(caught.value) + str(caught.value) + str(caught.value.__cause__)


def test_a_host_that_is_not_there_is_an_outage_and_nothing_more():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DatabaseAway, match=r"Could not connect to oracle://127\.0\.0\.1"):
        connect(Endpoint("oracle", "127.0.0.1", port, "X", "HR", password="x"), "assess")


def test_an_alias_that_nobody_knows_is_a_mistake_of_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "tnsnames.ora").write_text("")
    monkeypatch.setattr("oracledb.defaults.config_dir", str(tmp_path))
    endpoint = Endpoint("oracle", "localhost", 1521, "X", "HR", options=(("tns_alias", "PROD"),), password="x")
    with pytest.raises(UsageError, match="PROD"):
        connect(endpoint, "assess")


def test_every_question_is_answered_by_a_real_server():
    """The only test that would tell: TEST_ORACLE_DSN is user/password@host:port/service."""
    given = re.fullmatch(r"([^/]+)/([^@]+)@([^:]+):(\d+)/(.+)", os.environ.get("TEST_ORACLE_DSN", ""))
    if given is None:
        pytest.skip("TEST_ORACLE_DSN names no Oracle server; the questions were asked of the dictionary double only")
    user, password, host, port, service = given.groups()
    source = OracleDictionary(Endpoint("oracle", host, int(port), service, user, password=password))
    assert source.facts()["engine"] == "oracle"
    for question in QUESTIONS:
        for row in source.ask(question):
            assert len(row) == len(question.columns)
    source.close()
