"""MariaDB assessed for real: over a connection and by the scripts, with all rights and few, on a schema of traps."""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from tests import drive
from tests.mariadb import MariadbServer, find, start_mariadb, why_not
from voyager.assessment.collect import Collection, collect
from voyager.assessment.ingest import ingest
from voyager.assessment.judges import judge
from voyager.assessment.metadata import Metadata
from voyager.assessment.scripts import write_scripts
from voyager.assessment.statistics import object_statistics
from voyager.assessment_dir import AssessmentDir
from voyager.embedded import Server
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.sources.mysql.assessed import MysqlDictionary
from voyager.sources.mysql.columns import ColumnFacts
from voyager.sources.mysql.types import RULES, Proof, Use, target_type

SAMPLE = Path(__file__).parents[1] / "fixtures" / "mysql_sample.sql"
# Counters move and sizes settle while a server works.
MOVING = {"db-queries-summary", "table-index-usage-stats", "table-index-iops-initial", "table-index-iops-final"}


@pytest.fixture(scope="module")
def sample(mariadb_server: MariadbServer) -> Iterator[MariadbServer]:
    mariadb_server.run("CREATE DATABASE shop CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
    mariadb_server.run(SAMPLE.read_text(), "shop")
    mariadb_server.run("ANALYZE TABLE customers, parents, children, by_year", "shop")
    yield mariadb_server
    mariadb_server.run("DROP DATABASE shop; DROP DATABASE shop_other")


@pytest.fixture
def account(mariadb_server: MariadbServer) -> Iterator[str]:
    """A new account `name` with the password `canary-secret` and no privilege."""
    name = f"dba_{uuid4().hex[:8]}"
    mariadb_server.run(f"CREATE USER '{name}'@'127.0.0.1' IDENTIFIED BY 'canary-secret'")
    yield name
    mariadb_server.run(f"DROP USER '{name}'@'127.0.0.1'")


@pytest.fixture
def database(mariadb_server: MariadbServer) -> Iterator[str]:
    """A new, empty database."""
    name = f"test_{uuid4().hex[:8]}"
    mariadb_server.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
    yield name
    mariadb_server.run(f"DROP DATABASE {name}")


def collected(endpoint: Endpoint, place: Path, *, interval: int = 0) -> Metadata:
    directory = AssessmentDir(place)
    directory.create()
    source = MysqlDictionary(endpoint)
    try:
        return collect(source, directory, Collection(interval_seconds=interval))
    finally:
        source.close()


def run_scripts(server: MariadbServer, place: Path, database: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The scripts as a DBA runs them; the answers are in place/collected."""
    write_scripts("mysql", place)
    user = settings.pop("user", "root")
    password = server.password if user == "root" else "canary-secret"
    arguments = [
        "--no-defaults",
        "--host=127.0.0.1",
        f"--port={server.port}",
        "--protocol=tcp",
        f"--user={user}",
        database,
    ]
    # What others set for themselves is not ours.
    strange = {"DIR": str(place / "elsewhere"), "CLIENT": "none", "SCHEMAS": "none", "NODE": "none", "INTERVAL": "none"}
    ours = {"CLIENT": str(find("mariadb")), "INTERVAL": "0", **settings}
    environment = {"PATH": os.environ["PATH"], "MYSQL_PWD": password, **strange}
    return subprocess.run(
        ["sh", str(place / "my_collect.sh"), *arguments],
        cwd=place,
        env={**environment, **{f"YB_VOYAGER_COLLECT_{name}": value for name, value in ours.items()}},
        capture_output=True,
        text=True,
        check=False,
    )


def records(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return [header, *sorted(rows)]


# Both carriers -----------------------------------------------------------------------------------


def test_the_scripts_and_the_driver_bring_the_same_answers(sample: MariadbServer, tmp_path: Path):
    collected(sample.endpoint("shop"), tmp_path / "a", interval=0)
    done = run_scripts(sample, tmp_path / "s", "shop", INTERVAL="0")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.endswith(f"Done: the files are in the directory {tmp_path / 's' / 'collected'}\n")
    by_driver, by_client = tmp_path / "a" / "metadata" / "node-primary", tmp_path / "s" / "collected"
    names = {path.stem for path in by_driver.glob("*.csv")}
    assert names == {path.stem for path in by_client.glob("*.csv")}
    different = [
        name
        for name in sorted(names - MOVING)
        if records(by_driver / f"{name}.csv") != records(by_client / f"{name}.csv")
    ]
    assert different == []


def test_what_the_scripts_wrote_is_taken_in_and_judged_the_same(sample: MariadbServer, tmp_path: Path):
    directly = collected(sample.endpoint("shop"), tmp_path / "a")
    done = run_scripts(sample, tmp_path / "s", "shop")
    assert done.returncode == 0, done.stderr
    directory = AssessmentDir(tmp_path / "b")
    directory.create()
    by_scripts = ingest(tmp_path / "s" / "collected", directory)
    assert (by_scripts.engine, by_scripts.database, by_scripts.schemas) == ("mysql", "shop", ("shop",))
    assert {one.what for one in by_scripts.missing} == {one.what for one in directly.missing}
    of_both = [
        sorted(
            (one.issue_id, one.object_name, one.line)
            for one in judge(metadata, target_version=LATEST_STABLE).findings
            if one.object_name
        )
        for metadata in (directly, by_scripts)
    ]
    assert of_both[0] == of_both[1]
    assert len(of_both[0]) > 100


def test_names_and_texts_that_look_like_csv_arrive_unchanged(mariadb_server: MariadbServer, tmp_path: Path):
    hostile = 'a,b "c"|50%'
    quoted = f"`{hostile}`"
    mariadb_server.run(
        f"""CREATE DATABASE {quoted}; USE {quoted};
        CREATE TABLE `t,1` (`c"q` varchar(20) DEFAULT 'x,"y"\\nz', `empty` varchar(5) DEFAULT '', `none` varchar(5));
        DELIMITER //
        CREATE PROCEDURE `p,1`() BEGIN
            SELECT 'a,"b"
c\\r'; -- line 2
        END//"""
    )
    try:
        metadata = collected(mariadb_server.endpoint(hostile), tmp_path / "a")
        done = run_scripts(mariadb_server, tmp_path / "s", hostile)
        assert done.returncode == 0, done.stderr
        # Named by the list as well: | and % of a name are written %7C and %25.
        again = run_scripts(mariadb_server, tmp_path / "t", "mysql", SCHEMAS='a,b "c"%7C50%25')
        assert again.returncode == 0, again.stderr
        for name in ("columns", "routines", "tables"):
            expected = records(tmp_path / "a" / "metadata" / "node-primary" / f"{name}.csv")
            assert records(tmp_path / "s" / "collected" / f"{name}.csv") == expected
            assert records(tmp_path / "t" / "collected" / f"{name}.csv") == expected
    finally:
        mariadb_server.run(f"DROP DATABASE {quoted}")
    columns = {row["column_name"]: row for row in metadata.rows("columns")}
    assert columns['c"q']["column_default"] == "'x,\"y\"\\nz'"
    assert (columns["empty"]["column_default"], columns["none"]["column_default"]) == ("''", "NULL")
    [procedure] = metadata.rows("routines")
    # The server itself writes a line break inside a text as an escape.
    assert "\n" in procedure["definition"]
    assert '\'a,"b"\\nc' in procedure["definition"]
    assert metadata.schemas == (hostile,)


def test_several_databases_are_read_as_one(sample: MariadbServer, tmp_path: Path):
    metadata = collected(sample.endpoint("", schemas=("shop", "shop_other")), tmp_path / "a")
    assert metadata.schemas == ("shop", "shop_other")
    assert {row["schema_name"] for row in metadata.rows("tables")} == {"shop", "shop_other"}


def test_a_script_that_stopped_half_way_leaves_nothing_that_passes_for_whole(sample: MariadbServer, tmp_path: Path):
    assert run_scripts(sample, tmp_path, "shop").returncode == 0
    again = run_scripts(sample, tmp_path, "no_such_database")
    assert again.returncode == 1
    assert not (tmp_path / "collected" / "database.json").exists()
    assert not list((tmp_path / "collected").glob("*.part"))


# What is found -----------------------------------------------------------------------------------

FOUND = {
    "MYSQL_BIGINT_UNSIGNED": {"shop.types.id", "shop.types.counter", "shop.parents.id", "shop.children.parent_id"},
    "MYSQL_TINYINT1": {"shop.types.flag"},
    "MYSQL_ZEROFILL": {"shop.types.padded"},
    "MYSQL_FLOAT_WITH_SCALE": {"shop.types.price", "shop.types.ratio"},
    "MYSQL_BIT": {
        f"shop.{one}" for one in ("types.one_bit", "types.bits", "bit_key.wide", "bit_key.narrow", "bit_key.other")
    },
    "MYSQL_YEAR": {"shop.types.born"},
    "MYSQL_TIME": {"shop.types.duration"},
    "MYSQL_ENUM": {"shop.types.state", "shop.parents.kind", "shop.children.kind"},
    "MYSQL_ENUM_LABEL_TOO_LONG": {"shop.types.long_label"},
    "MYSQL_ENUM_TYPE_NAME": {"shop.types.state"},
    "MYSQL_SET": {"shop.types.tags", "shop.set_key.s"},
    "MYSQL_JSON": {"shop.types.document"},
    "MYSQL_LONG_VALUE": {"shop.types.note", "shop.types.lb"},
    "MYSQL_SPATIAL_TYPE": {"shop.types.place", "shop.types.area", "shop.spots.place"},
    "MYSQL_BINARY_16": {"shop.types.guid"},
    "TINYBLOB": {"shop.types.tb"},
    "BLOB": {"shop.types.b"},
    "MEDIUMBLOB": {"shop.types.mb"},
    "LONGBLOB": {"shop.types.lb"},
    "MYSQL_INET": {"shop.addresses.ip"},
    "MYSQL_ZERO_DATE_DEFAULT": {"shop.vals.zero", "shop.vals.partial"},
    "MYSQL_ON_UPDATE_TIMESTAMP": {"shop.vals.changed"},
    "MYSQL_EXPRESSION_DEFAULT": {"shop.vals.token"},
    "MYSQL_INVISIBLE_COLUMN": {"shop.vals.hidden"},
    "MYSQL_VIRTUAL_COLUMN": {"shop.vals.doubled", "shop.vals.shown"},
    "MYSQL_GENERATION_EXPRESSION": {"shop.vals.shown"},
    "MYSQL_GENERATED_FROM_GENERATED": {"shop.vals.again"},
    "MYSQL_LEGACY_CHARSET": {"shop.legacy"},
    "MYSQL_CI_UNIQUE_KEY": {
        "customers_email ON shop.customers",
        "customers_prefix ON shop.customers",
        "parents_sku ON shop.parents",
    },
    "MYSQL_CI_INDEX": {
        "customers_name ON shop.customers",
        "customers_start ON shop.customers",
        "customers_name_code ON shop.customers",
        "fk_sku ON shop.children",
    },
    "MYSQL_CI_FOREIGN_KEY": {"shop.children, constraint: (fk_sku)"},
    "MYSQL_PREFIX_INDEX": {"customers_start ON shop.customers"},
    "MYSQL_UNIQUE_PREFIX_INDEX": {"customers_prefix ON shop.customers"},
    "MYSQL_PREFIX_PRIMARY_KEY": {"shop.prefix_key, constraint: (PRIMARY)"},
    "MYSQL_FULLTEXT_INDEX": {"customers_words ON shop.customers"},
    "MYSQL_SPATIAL_INDEX": {"spots_place ON shop.spots"},
    "MYSQL_INVISIBLE_INDEX": {"ignored_one ON shop.customers"},
    "MYSQL_HASH_INDEX": {"whole ON shop.long_unique", "shop.in_memory, constraint: (PRIMARY)"},
    "PK_UK_ON_BIT_DATATYPE": {"shop.bit_key, constraint: (PRIMARY)"},
    "INDEX_ON_BIT_DATATYPE": {"o ON shop.bit_key"},
    "HOTSPOTS_ON_DATE_INDEX": {"customers_born ON shop.customers"},
    "HOTSPOTS_ON_TIMESTAMP_INDEX": {"customers_seen ON shop.customers"},
    "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL": {"shop.candidate"},
    "MYSQL_FK_ON_NON_UNIQUE_KEY": {"shop.children, constraint: (fk_grp)"},
    "MYSQL_CROSS_DATABASE_FK": {"shop.abroad, constraint: (fk_far)"},
    "MYSQL_CHECK_EXPRESSION": {"shop.children, constraint: (odd)"},
    "MYSQL_NON_TRANSACTIONAL_ENGINE": {"shop.old_engine", "shop.old_engine_part"},
    "MYSQL_MEMORY_ENGINE": {"shop.in_memory"},
    "MYSQL_MERGE_ENGINE": {"shop.merged"},
    "MYSQL_SYSTEM_VERSIONED_TABLE": {"shop.versioned", "shop.by_history"},
    "MYSQL_PARTITION_SYSTEM_TIME": {"shop.by_history"},
    "MYSQL_PARTITION_EXPRESSION": {"shop.by_year"},
    "MYSQL_PARTITION_HASH": {"shop.by_hash", "shop.by_key"},
    "MYSQL_PARTITION_NULL": {"shop.by_nullable"},
    "MYSQL_SUBPARTITIONS": {"shop.by_both"},
    "MULTI_COLUMN_LIST_PARTITION": {"shop.by_pair"},
    "MYSQL_SEQUENCE": {"shop.numbers"},
    "MYSQL_NAME_COLLISION": {"shop.Upper", "shop.upper"},
    "MYSQL_NAME_TOO_LONG": {"shop.äöüäöüäöüäöüäöüäöüäöüäöüäöüäöüäöü"},
    "MYSQL_RESERVED_WORD": {"shop.user", "shop.user.order", "shop.user.desc"},
    "MYSQL_NAME_NEEDS_QUOTES": {"shop.`Order Items`", "shop.`Order Items`.1st", "shop.`Order Items`.`a``b`"},
    "MYSQL_INVALID_VIEW": {"shop.broken"},
    "VIEW_WITH_CHECK_OPTION": {"shop.checked"},
    "MYSQL_CAST_AS_CHAR": {"shop.casts"},
    "MYSQL_DIVISION": {"shop.casts"},
    "MYSQL_FUNCTION_DIFFERS": {"shop.names", "shop.report"},
    "MYSQL_CONTROL_FUNCTION": {"shop.names", "shop.when_born"},
    "MYSQL_TRIGGER": {f"{one} ON shop.customers" for one in ("before_one", "before_two", "after_one")},
    "MYSQL_TRIGGER_ORDER": {f"{one} ON shop.customers" for one in ("before_one", "before_two")},
    "MYSQL_SIGNAL": {"before_two ON shop.customers"},
    "MYSQL_STRING_FUNCTION": {"before_two ON shop.customers"},
    "MYSQL_INSERT_SET": {"after_one ON shop.customers"},
    "MYSQL_UPSERT": {"after_one ON shop.customers", "shop.report"},
    "MYSQL_PROCEDURE": {"shop.report"},
    "MYSQL_FUNCTION": {"shop.plus_one", "shop.when_born"},
    "MYSQL_EVENT": {"shop.cleaning"},
    "MYSQL_DATE_FUNCTION": {"shop.cleaning", "shop.when_born"},
    "MYSQL_DOUBLE_QUOTED_STRING": {"shop.when_born"},
    **{
        f"MYSQL_{one}": {"shop.report"}
        for one in (
            *("CONDITION_HANDLER", "CURSOR", "LOOP", "USER_VARIABLE", "INTERVAL", "DYNAMIC_SQL", "TRANSACTION"),
            *("MULTI_TABLE_DML", "DML_LIMIT", "TEMPORARY_TABLE", "RESULT_SET", "GROUP_CONCAT", "LIMIT_OFFSET"),
        )
    },
}


@pytest.fixture(scope="module")
def judged(sample: MariadbServer, tmp_path_factory: pytest.TempPathFactory):
    metadata = collected(sample.endpoint("shop"), tmp_path_factory.mktemp("judged") / "a")
    return judge(metadata, target_version=LATEST_STABLE)


@pytest.mark.parametrize("issue_id", FOUND)
def test_every_trap_is_found_where_it_is_and_nowhere_else(judged, issue_id: str):
    assert {one.object_name for one in judged.findings if one.issue_id == issue_id and one.object_name} == FOUND[
        issue_id
    ]


def test_columns_tied_by_a_foreign_key_become_one_type(judged):
    types = {
        one.object_name: one.details["TargetType"]
        for one in judged.findings
        if one.issue_id in ("MYSQL_BIGINT_UNSIGNED", "MYSQL_ENUM")
    }
    assert types["shop.children.parent_id"] == types["shop.parents.id"] == "bigint"
    assert types["shop.children.kind"] == types["shop.parents.kind"]
    assert types["shop.types.counter"] == "numeric(20,0)"


def test_the_queries_of_findings_run_on_the_source(judged, sample: MariadbServer):
    queries = {one.details["CheckSQL"] for one in judged.findings if "CheckSQL" in one.details}
    assert len(queries) > 15
    with sample.connect("shop") as connection:
        cursor = connection.cursor(buffered=True)
        cursor.execute("SET sql_mode = ''")
        for one in queries:
            cursor.execute(one)


def test_a_foreign_key_in_another_spelling_is_found_by_its_query(judged, sample: MariadbServer):
    [found] = [one for one in judged.findings if one.issue_id == "MYSQL_CI_FOREIGN_KEY"]
    with sample.connect("shop") as connection:
        cursor = connection.cursor(buffered=True)
        cursor.execute("INSERT INTO children (id, sku) VALUES (1, 'ABC'), (2, 'abc'), (3, NULL)")
        cursor.execute(found.details["CheckSQL"])
        strays = [row[0] for row in cursor.fetchall()]
        cursor.execute("DELETE FROM children")
    assert strays == [1]


# Privileges --------------------------------------------------------------------------------------


def test_an_account_with_few_rights_gets_a_partial_assessment_and_the_grants_complete_it(
    sample: MariadbServer, account: str, tmp_path: Path
):
    sample.run(f"GRANT SELECT ON shop.* TO '{account}'@'127.0.0.1'")
    endpoint = sample.endpoint("shop", account, password="canary-secret")
    partial = collected(endpoint, tmp_path / "a")
    missing = {one.what: one for one in partial.missing}
    who = f"'{account}'@'127.0.0.1'"
    assert missing["Triggers of shop"].sql == f"GRANT TRIGGER ON `shop`.* TO {who};"
    assert missing["Events of shop"].sql == f"GRANT EVENT ON `shop`.* TO {who};"
    assert missing["The text of 6 views"].sql == f"GRANT SHOW VIEW ON `shop`.* TO {who};"
    assert missing["Procedures and functions"].sql == f"GRANT SELECT ON mysql.proc TO {who};"
    assert any("performance_schema" in one.sql for one in partial.missing)
    assert "shop.types.flag" in {one.object_name for one in judge(partial, target_version=LATEST_STABLE).findings}
    for one in partial.missing:
        sample.run(one.sql)
    whole = collected(endpoint, tmp_path / "b")
    assert [one.what for one in whole.missing] == ["Reads and writes per second"]
    assert len(whole.rows("triggers")) == 3
    assert len(whole.rows("events")) == 1
    assert all(row["definition"] for name in ("views", "routines") for row in whole.rows(name))


def test_preflight_tells_what_is_missing_before_anything_is_asked(sample: MariadbServer, account: str):
    sample.run(f"GRANT SELECT ON shop.* TO '{account}'@'127.0.0.1'")
    source = MysqlDictionary(sample.endpoint("shop", account, password="canary-secret"))
    checks = source.preflight("ASSESS")
    source.close()
    assert {check.severity for check in checks} == {"ok", "warning"}
    assert any(check.sql.startswith("GRANT TRIGGER ON `shop`.*") for check in checks)


def test_the_scripts_go_on_without_what_the_account_may_not_read(sample: MariadbServer, account: str, tmp_path: Path):
    sample.run(f"GRANT SELECT ON shop.* TO '{account}'@'127.0.0.1'")
    done = run_scripts(sample, tmp_path / "s", "shop", user=account)
    assert done.returncode == 0, done.stderr
    assert "SELECT command denied" in done.stderr
    assert "canary-secret" not in done.stderr + done.stdout
    directory = AssessmentDir(tmp_path / "a")
    directory.create()
    metadata = ingest(tmp_path / "s" / "collected", directory)
    assert "Triggers of shop" in {one.what for one in metadata.missing}
    assert metadata.rows("tables")
    assert not metadata.rows("table_index_usage_stats")


def test_an_account_without_any_right_on_the_database_is_told_which_to_ask_for(sample: MariadbServer, account: str):
    with pytest.raises(PermissionMissing) as refused:
        MysqlDictionary(sample.endpoint("shop", account, password="canary-secret")).facts()
    assert refused.value.details[0].startswith("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `shop`.* TO ")


# Bad input ---------------------------------------------------------------------------------------


def test_a_wrong_password_is_refused_and_never_shown(sample: MariadbServer, account: str):
    with pytest.raises(PermissionMissing) as refused:
        MysqlDictionary(sample.endpoint("shop", account, password="canary-wrong")).facts()
    error = refused.value
    shown = " ".join([error.message, error.hint, *error.details, repr(error), repr(error.__cause__)])
    assert "Access denied" in error.message
    assert "canary" not in shown
    assert error.exit_code == 9


def test_a_server_that_cannot_be_reached_is_away(mariadb_server: MariadbServer):
    for endpoint in (
        replace(mariadb_server.endpoint("mysql"), port=1),
        replace(mariadb_server.endpoint("mysql"), host="no-such-host.invalid"),
    ):
        with pytest.raises(DatabaseAway) as away:
            MysqlDictionary(endpoint).probe()
        assert away.value.exit_code == 8


@pytest.mark.parametrize("schemas", [(), ("no_such_database",), ("mysql", "no_such_database")])
def test_a_database_that_does_not_exist_is_named(mariadb_server: MariadbServer, schemas: tuple[str, ...]):
    with pytest.raises(UsageError, match="no_such_database") as refused:
        MysqlDictionary(mariadb_server.endpoint("no_such_database", schemas=schemas)).facts()
    assert refused.value.exit_code == 2


def test_an_empty_database_is_refused_and_nothing_is_left_behind(
    mariadb_server: MariadbServer, database: str, tmp_path: Path
):
    with pytest.raises(UsageError, match="nothing to assess"):
        collected(mariadb_server.endpoint(database), tmp_path / "a")
    assert not (tmp_path / "a" / "metadata").exists()


def test_a_connection_that_was_cut_is_told_and_the_next_question_connects_anew(mariadb_server: MariadbServer):
    source = MysqlDictionary(mariadb_server.endpoint("mysql"))
    question = next(one for one in source.questions() if one.name == "engines")
    expected = list(source.ask(question))
    [[mine]] = _ask(source, "SELECT CONNECTION_ID()")
    mariadb_server.run(f"KILL {mine}")
    with pytest.raises(DatabaseAway):
        list(source.ask(question))
    assert list(source.ask(question)) == expected
    source.close()


def _ask(source: MysqlDictionary, sql: str) -> list[tuple[str | None, ...]]:
    return list(source.ask(replace(source.questions()[0], sql=sql)))


# What is read ------------------------------------------------------------------------------------


def test_the_session_cannot_write(mariadb_server: MariadbServer, database: str):
    source = MysqlDictionary(mariadb_server.endpoint(database))
    assert _ask(source, "SELECT @@tx_read_only, @@sql_mode, @@time_zone") == [("1", "", "+00:00")]
    source.close()


def test_reads_and_writes_are_measured_by_table_and_index(mariadb_server: MariadbServer, database: str, tmp_path: Path):
    mariadb_server.run(
        "CREATE TABLE hot (id int PRIMARY KEY, v int, KEY by_v (v)); CREATE TABLE cold (id int PRIMARY KEY)", database
    )
    source = MysqlDictionary(mariadb_server.endpoint(database))
    before, after = (one for one in source.questions() if one.moment)
    first = {row[2]: row for row in source.ask(before)}
    mariadb_server.run(
        "INSERT INTO hot VALUES (1, 1), (2, 2), (3, 3); SELECT * FROM hot WHERE id = 2;"
        "UPDATE hot SET v = 9 WHERE id = 3; SELECT id FROM hot WHERE v = 2; DELETE FROM hot WHERE id = 1",
        database,
    )
    second = {row[2]: row for row in source.ask(after)}
    source.close()

    def grown(name: str) -> tuple[int, int]:
        return int(second[name][4]) - int(first[name][4]), int(second[name][5]) - int(first[name][5])

    assert grown("cold") == (0, 0)
    assert grown("hot")[1] == 5
    assert grown("hot")[0] >= 4
    assert grown("hot.by_v") == (1, 0)
    assert {row[6] for row in second.values()} == {"final"}


def test_statistics_have_a_size_rows_and_load_for_every_table_and_index(
    mariadb_server: MariadbServer, database: str, tmp_path: Path
):
    mariadb_server.run(
        "CREATE TABLE a (id int PRIMARY KEY, v int, w int, KEY by_v (v), KEY by_w (w));"
        "INSERT INTO a SELECT seq, seq, seq FROM seq_1_to_1000; ANALYZE TABLE a; CREATE TABLE b (id int PRIMARY KEY)",
        database,
    )
    metadata = collected(mariadb_server.endpoint(database), tmp_path / "a", interval=1)
    found, unmeasured = object_statistics(metadata)
    by_name = {one.name: one for one in found}
    assert unmeasured == ()
    assert set(by_name) == {"a", "b", "a.PRIMARY", "a.by_v", "a.by_w", "b.PRIMARY"}
    assert (by_name["a"].rows, by_name["a"].columns) == (1000, 3)
    assert by_name["a"].size_bytes == 65536
    assert by_name["a.by_v"].parent_table == f"{database}.a"
    assert by_name["a.by_v"].size_bytes == by_name["a.by_w"].size_bytes > 0
    assert by_name["a"].reads_per_second == 0.0
    assert metadata.capture_seconds == 1


def test_queries_of_applications_are_judged_and_our_own_are_not(
    mariadb_server: MariadbServer, database: str, tmp_path: Path
):
    mariadb_server.run(
        "CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1) ON DUPLICATE KEY UPDATE n = 2;"
        "SELECT IFNULL(n, 'secret constant') FROM t",
        database,
    )
    run_scripts(mariadb_server, tmp_path / "s", database)
    metadata = collected(mariadb_server.endpoint(database), tmp_path / "a")
    texts = [row["query"] for row in metadata.rows("db_queries_summary")]
    assert len(texts) == 2
    assert not any("secret constant" in text for text in texts)
    found = {one.issue_id for one in judge(metadata, target_version=LATEST_STABLE).findings if not one.object_name}
    assert found == {"MYSQL_UPSERT", "MYSQL_CONTROL_FUNCTION"}


@pytest.fixture(scope="module")
def counting_nothing(servers_directory: Path) -> Iterator[MariadbServer]:
    if reason := why_not():
        pytest.skip(reason)
    server = start_mariadb(servers_directory / "mariadb-plain", "--performance-schema=OFF")
    yield server
    server.stop()
    shutil.rmtree(server.directory, ignore_errors=True)


def test_a_server_that_counts_nothing_is_assessed_without_its_load(counting_nothing: MariadbServer, tmp_path: Path):
    counting_nothing.run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY)")
    metadata = collected(counting_nothing.endpoint("d"), tmp_path / "a", interval=1)
    assert {one.what for one in metadata.missing} == {"Reads and writes", "Queries"}
    found, _ = object_statistics(metadata)
    assert {one.reads_per_second for one in found} == {None}
    done = run_scripts(counting_nothing, tmp_path / "s", "d", INTERVAL="1")
    assert done.returncode == 0, done.stderr
    directory = AssessmentDir(tmp_path / "b")
    directory.create()
    by_scripts = ingest(tmp_path / "s" / "collected", directory)
    assert {one.reads_per_second for one in object_statistics(by_scripts)[0]} == {None}


def test_the_user_statistics_of_mariadb_measure_load_too(counting_nothing: MariadbServer):
    counting_nothing.run("SET GLOBAL userstat = ON; CREATE DATABASE e; CREATE TABLE e.t (id int PRIMARY KEY)")
    source = MysqlDictionary(counting_nothing.endpoint("e"))
    counting_nothing.run("INSERT INTO e.t VALUES (1), (2); SELECT * FROM e.t")
    final = {row[2]: row for row in source.ask(next(one for one in source.questions() if one.moment == "final"))}
    source.close()
    assert (final["t"][4], final["t"][5]) == ("2", "2")


# TLS ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(servers_directory: Path) -> Iterator[MariadbServer]:
    """A server with a certificate for 127.0.0.1 and, in its directory, ca.crt that signed it and other.crt."""
    if reason := why_not() or ("" if shutil.which("openssl") else "openssl is not installed"):
        pytest.skip(reason)
    place = servers_directory / "certificates"
    place.mkdir()

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=place, check=True, capture_output=True)

    for authority in ("ca", "other"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={authority}", "-keyout",
                f"{authority}.key", "-out", f"{authority}.crt")  # fmt: skip
    openssl(
        "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-keyout", "server.key", "-out", "server.csr"
    )
    (place / "extensions").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    openssl("x509", "-req", "-days", "2", "-in", "server.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", "extensions", "-out", "server.crt")  # fmt: skip
    for path in place.iterdir():
        path.chmod(0o644)
    server = start_mariadb(
        servers_directory / "mariadb-tls", f"--ssl-cert={place / 'server.crt'}", f"--ssl-key={place / 'server.key'}"
    )
    yield server
    server.stop()


@pytest.mark.parametrize(
    "tls",
    [
        {},
        {"sslmode": "require"},
        {"sslmode": "verify-ca", "sslrootcert": "ca.crt"},
        {"sslmode": "verify-full", "sslrootcert": "ca.crt"},
    ],
)
def test_a_connection_is_encrypted_wherever_the_server_can(encrypted: MariadbServer, tls: dict[str, str]):
    source = MysqlDictionary(encrypted.endpoint("mysql", tls=_placed(encrypted, tls)))
    assert _ask(source, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1]
    source.close()


def test_an_unknown_authority_is_refused(encrypted: MariadbServer):
    tls = _placed(encrypted, {"sslmode": "verify-full", "sslrootcert": "other.crt"})
    with pytest.raises(PermissionMissing, match=r"(?i)ssl|certificate"):
        MysqlDictionary(encrypted.endpoint("mysql", tls=tls)).probe()


def test_encryption_can_be_done_without_and_can_be_demanded(mariadb_server: MariadbServer, encrypted: MariadbServer):
    source = MysqlDictionary(encrypted.endpoint("mysql", tls={"sslmode": "disable"}))
    assert _ask(source, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[0][1] == ""
    source.close()
    with pytest.raises(PermissionMissing, match="does not support TLS"):
        MysqlDictionary(mariadb_server.endpoint("mysql", tls={"sslmode": "require"})).probe()


def _placed(server: MariadbServer, tls: dict[str, str]) -> dict[str, str]:
    place = server.directory.parent / "certificates"
    return {name: str(place / value) if name == "sslrootcert" else value for name, value in tls.items()}


# Replicas ----------------------------------------------------------------------------------------


@pytest.fixture
def replicated(servers_directory: Path) -> Iterator[tuple[MariadbServer, MariadbServer]]:
    """A primary and the replica that follows it; account `assessor` is on both."""
    if reason := why_not():
        pytest.skip(reason)
    primary = start_mariadb(servers_directory / "mariadb-primary", "--log-bin=binlog", "--server-id=11")
    replica = start_mariadb(servers_directory / "mariadb-replica", "--server-id=12", "--report-host=127.0.0.1")
    for server in (primary, replica):
        server.run(
            "CREATE USER assessor@'127.0.0.1' IDENTIFIED BY 'canary-secret'; GRANT ALL ON *.* TO assessor@'127.0.0.1'"
        )
    file, position = primary.client("SHOW MASTER STATUS", "--skip-column-names").stdout.split()[:2]
    replica.run(
        f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={primary.port}, MASTER_USER='assessor',"
        f" MASTER_PASSWORD='canary-secret', MASTER_LOG_FILE='{file}', MASTER_LOG_POS={position}; START SLAVE"
    )
    yield primary, replica
    for server in (replica, primary):
        server.stop()
        shutil.rmtree(server.directory, ignore_errors=True)


def test_a_replica_is_found_and_its_reads_are_added(replicated: tuple[MariadbServer, MariadbServer], tmp_path: Path):
    primary, replica = replicated
    primary.run("CREATE DATABASE d; CREATE TABLE d.t (id int PRIMARY KEY); INSERT INTO d.t VALUES (1)")
    endpoint = primary.endpoint("d", "assessor", password="canary-secret")
    source = MysqlDictionary(endpoint)
    deadline = time.monotonic() + 60
    while not source.replicas() or "d" not in replica.run("SHOW DATABASES").split():
        assert time.monotonic() < deadline, replica.run("SHOW SLAVE STATUS\\G")
        time.sleep(0.1)
    [found] = source.replicas()
    source.close()
    assert (found.host, found.port, found.user) == ("127.0.0.1", replica.port, "assessor")
    metadata = collected(endpoint, tmp_path / "a", interval=1)
    assert len(metadata.nodes) == 2
    assert {row["source_node"] for row in metadata.rows("table_index_iops")} == set(metadata.nodes)


def test_every_type_that_a_column_may_become_is_one_of_the_target(
    source_server: Server, fresh_database: Callable[..., Endpoint]
):
    facts = {"length": 16, "precision": 20, "scale": 4, "fraction": 3}
    columns = [
        ColumnFacts("public", "t", "c", data_type=name, column_type=f"{name}{more}", **facts)
        for name in RULES
        for more in ("", "(1)", "(3)", "(1) unsigned", "('a','b')")
    ]
    uses, proofs = (Use(), Use(indexed=True)), (Proof(), Proof(True, True, True), Proof(within_a_day=False))
    types = {target_type(column, use=use, proof=proof) for column in columns for use in uses for proof in proofs}
    with drive.connect(fresh_database(source_server)) as connection:
        connection.execute("CREATE EXTENSION vector")
        connection.execute("CREATE TYPE public.t_c AS ENUM ('a', 'b')")
        for place, one in enumerate(sorted({one.sql for one in types})):
            connection.execute(f"CREATE TABLE t{place} (c {one})".encode())
    assert len({one.sql for one in types}) > 20
