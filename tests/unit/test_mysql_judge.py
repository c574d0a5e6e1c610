"""What the judge of MySQL finds: for every issue a database that has it, and one that only looks like it."""

from __future__ import annotations

import pytest

from tests.unit.mysql_shop import (
    check,
    column,
    engine,
    event,
    foreign_key,
    index,
    library_function,
    partition,
    primary_key,
    query,
    routine,
    shop,
    table,
    trigger,
    view,
)
from voyager.assessment.assessment import HIGH, LOW, MEDIUM
from voyager.assessment.judges import judge
from voyager.assessment.judges.mysql.issues import ISSUES
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.sources.mysql.constructs import CONSTRUCTS

LOOSE = {"collation_name": "utf8mb4_0900_ai_ci"}
OLD = "2024.1.0.0"


def findings(*parts, release: str = LATEST_STABLE, **facts):
    return judge(shop(*parts, **facts), target_version=release).findings


def places(issue_id: str, *parts, **facts) -> list[tuple[str, str]]:
    return [(one.object_type, one.object_name) for one in findings(*parts, **facts) if one.issue_id == issue_id]


def of_column(issue_id: str, column_type: str, **values):
    return issue_id, "COLUMN", "shop.t.c", table("t", column("c", column_type, **values))


def of_index(issue_id: str, *parts, name: str = "i"):
    return issue_id, "INDEX", f"{name} ON shop.t", table("t", *parts)


def of_table(issue_id: str, *parts, **values):
    return issue_id, "TABLE", "shop.t", table("t", *parts, **values)


def of_constraint(issue_id: str, name: str, *parts):
    return issue_id, "TABLE", f"shop.t, constraint: ({name})", parts


PARENT = table(
    "p",
    column("id", "bigint(20)", nullable=False),
    column("k", "varchar(9)", **LOOSE),
    column("e", "enum('a')"),
    column("n", "int"),
    primary_key("id"),
    index("k", "k", unique=True),
    index("e", "e", unique=True),
    index("n", "n"),
)

EXAMPLES = [
    of_column("TINYBLOB", "tinyblob"),
    of_column("BLOB", "blob"),
    of_column("MEDIUMBLOB", "mediumblob"),
    of_column("LONGBLOB", "longblob"),
    of_column("MYSQL_BIGINT_UNSIGNED", "bigint(20) unsigned"),
    of_column("MYSQL_TINYINT1", "tinyint(1)"),
    of_column("MYSQL_ZEROFILL", "int(5) unsigned zerofill"),
    of_column("MYSQL_FLOAT_WITH_SCALE", "float(7,2)", numeric_scale=2),
    of_column("MYSQL_BIT", "bit(8)"),
    of_column("MYSQL_YEAR", "year"),
    of_column("MYSQL_TIME", "time"),
    of_column("MYSQL_ENUM", "enum('a','b')"),
    of_column("MYSQL_ENUM_LABEL_TOO_LONG", f"enum('{'x' * 64}')"),
    ("MYSQL_ENUM_TYPE_NAME", "COLUMN", "shop.t.c", (table("t", column("c", "enum('a')")), table("T_c"))),
    of_column("MYSQL_SET", "set('a')"),
    of_column("MYSQL_JSON", "json"),
    ("MYSQL_JSON", "COLUMN", "shop.t.c", table("t", column("c", "longtext"), check("c", "json_valid(`c`)"))),
    of_column("MYSQL_SPATIAL_TYPE", "point"),
    of_column("MYSQL_VECTOR", "vector(3)"),
    ("MYSQL_INET", "COLUMN", "shop.t.c", table("t", column("c", "inet6"), index("i", "c"))),
    of_column("MYSQL_BINARY_16", "binary(16)"),
    of_column("MYSQL_LONG_VALUE", "longtext"),
    of_column("MYSQL_UNKNOWN_TYPE", "frobnicate"),
    of_column("MYSQL_ZERO_DATE_DEFAULT", "date", column_default="0000-00-00", default_kind="literal"),
    of_column("MYSQL_ZERO_DATE_DEFAULT", "datetime", column_default="'2024-00-01 00:00:00'", default_kind="sql"),
    of_column("MYSQL_ON_UPDATE_TIMESTAMP", "timestamp", extra="DEFAULT_GENERATED on update CURRENT_TIMESTAMP(3)"),
    of_column("MYSQL_ON_UPDATE_TIMESTAMP", "datetime", extra="on update current_timestamp()"),
    of_column("MYSQL_EXPRESSION_DEFAULT", "varchar(36)", column_default="uuid()", default_kind="sql"),
    of_column("MYSQL_EXPRESSION_DEFAULT", "json", column_default="json_array()", default_kind="expression"),
    of_column("MYSQL_VIRTUAL_COLUMN", "int", extra="VIRTUAL GENERATED", generation_expression="(`id` + 1)"),
    of_column(
        "MYSQL_GENERATION_EXPRESSION", "int", extra="STORED GENERATED", generation_expression="date_format(`id`,'%Y')"
    ),
    (
        "MYSQL_GENERATED_FROM_GENERATED",
        "COLUMN",
        "shop.t.b",
        table(
            "t",
            column("a", "int", extra="STORED GENERATED", generation_expression="1"),
            column("b", "int", extra="STORED GENERATED", generation_expression="(`a` + 1)"),
        ),
    ),
    of_column("MYSQL_INVISIBLE_COLUMN", "int", extra="INVISIBLE"),
    of_table("MYSQL_LEGACY_CHARSET", column("c", "varchar(9)", character_set_name="latin1")),
    of_index("MYSQL_CI_UNIQUE_KEY", column("c", "varchar(9)", **LOOSE), index("i", "c", unique=True)),
    of_index("MYSQL_CI_INDEX", column("c", "varchar(9)", **LOOSE), index("i", "c")),
    of_constraint(
        "MYSQL_CI_FOREIGN_KEY",
        "f",
        PARENT,
        table("t", column("c", "varchar(9)", **LOOSE), foreign_key("f", "c", "p", "k")),
    ),
    of_index("MYSQL_PREFIX_INDEX", column("c", "text"), index("i", "c(5)")),
    of_index("MYSQL_UNIQUE_PREFIX_INDEX", column("c", "text"), index("i", "c(5)", unique=True)),
    of_constraint("MYSQL_PREFIX_PRIMARY_KEY", "PRIMARY", table("t", column("c", "varchar(9)"), primary_key("c(5)"))),
    of_index("MYSQL_FULLTEXT_INDEX", column("c", "text"), index("i", "c", index_type="FULLTEXT")),
    of_index("MYSQL_SPATIAL_INDEX", column("c", "point"), index("i", "c(32)", index_type="SPATIAL")),
    of_index("MYSQL_FUNCTIONAL_INDEX", column("c", "int"), index("i", "((lower(`c`)))")),
    of_index(
        "MYSQL_MULTI_VALUED_INDEX",
        column("c", "json"),
        index("i", "((cast(json_extract(`c`,_utf8mb4'$.a') as unsigned array)))"),
    ),
    of_index("MYSQL_INVISIBLE_INDEX", column("c", "int"), index("i", "c", is_visible="NO")),
    of_index("MYSQL_HASH_INDEX", column("c", "int"), index("i", "c", index_type="HASH")),
    of_table("MYSQL_NO_PRIMARY_KEY", column("c", "int")),
    of_table("MYSQL_NON_TRANSACTIONAL_ENGINE", engine="MyISAM"),
    ("MYSQL_NON_TRANSACTIONAL_ENGINE", "TABLE", "shop.t", (table("t", engine="Odd"), engine("Odd", "NO"))),
    of_table("MYSQL_MEMORY_ENGINE", engine="MEMORY"),
    of_table("MYSQL_REMOTE_ENGINE", engine="FEDERATED"),
    of_table("MYSQL_REMOTE_ENGINE", engine="CONNECT"),
    of_table("MYSQL_MERGE_ENGINE", engine="MRG_MyISAM"),
    of_table("MYSQL_BLACKHOLE_ENGINE", engine="BLACKHOLE"),
    of_table("MYSQL_UNREADABLE_TABLE", engine=None),
    of_table("MYSQL_SYSTEM_VERSIONED_TABLE", table_type="SYSTEM VERSIONED"),
    ("MYSQL_SEQUENCE", "SEQUENCE", "shop.t", table("t", table_type="SEQUENCE")),
    of_table("MYSQL_LARGE_ROWS", avg_row_length=40_000_000),
    of_table("MYSQL_PARTITION_EXPRESSION", partition("RANGE", "year(`id`)")),
    of_table("MYSQL_PARTITION_EXPRESSION", partition("LIST", "`id` % 4")),
    of_table("MYSQL_PARTITION_HASH", partition("HASH", "`id`")),
    of_table("MYSQL_PARTITION_HASH", partition("LINEAR KEY", None)),
    of_table("MYSQL_PARTITION_NULL", column("c", "int"), partition("RANGE", "`c`")),
    of_table("MYSQL_PARTITION_NULL", column("C", "int"), partition("RANGE COLUMNS", "`c`")),
    of_table("MYSQL_SUBPARTITIONS", partition("RANGE", "`id`", sub_method="HASH")),
    of_table("MYSQL_PARTITION_SYSTEM_TIME", partition("SYSTEM_TIME", None)),
    of_table(
        "MULTI_COLUMN_LIST_PARTITION", column("a", "int"), column("b", "int"), partition("LIST COLUMNS", "`a`,`b`")
    ),
    of_constraint(
        "MYSQL_FK_ON_NON_UNIQUE_KEY", "f", PARENT, table("t", column("c", "int"), foreign_key("f", "c", "p", "n"))
    ),
    of_constraint(
        "MYSQL_CROSS_DATABASE_FK", "f", table("t", column("c", "int"), foreign_key("f", "c", "p", "n", schema="other"))
    ),
    of_constraint("MYSQL_CHECK_NOT_ENFORCED", "k", table("t", check("k", "(`id` > 0)", enforced="NO"))),
    of_constraint("MYSQL_CHECK_EXPRESSION", "k", table("t", check("k", "find_in_set(`id`,'1,2')"))),
    of_constraint("MYSQL_CHECK_EXPRESSION", "k", table("t", check("k", "regexp_like(`id`,_utf8mb4'^a')"))),
    ("MYSQL_NAME_COLLISION", "TABLE", "shop.Orders", (table("Orders"), table("orders"))),
    ("MYSQL_NAME_COLLISION", "VIEW", "shop.ORDERS", (table("orders"), view("ORDERS", "select 1 AS `a`"))),
    ("MYSQL_NAME_COLLISION", "TABLE", f"shop.{'n' * 63}a", (table("n" * 63 + "a"), table("n" * 63 + "b"))),
    ("MYSQL_NAME_TOO_LONG", "TABLE", f"shop.{'é' * 32}", table("é" * 32)),
    ("MYSQL_NAME_TOO_LONG", "COLUMN", f"shop.t.{'x' * 64}", table("t", column("x" * 64, "int"))),
    ("MYSQL_NAME_TOO_LONG", "INDEX", f"{'x' * 64} ON shop.t", table("t", index("x" * 64, "id"))),
    ("MYSQL_RESERVED_WORD", "TABLE", "shop.User", table("User")),
    ("MYSQL_RESERVED_WORD", "COLUMN", "shop.t.order", table("t", column("order", "int"))),
    ("MYSQL_NAME_NEEDS_QUOTES", "TABLE", "shop.`order items`", table("order items")),
    ("MYSQL_NAME_NEEDS_QUOTES", "COLUMN", "shop.t.1st", table("t", column("1st", "int"))),
    ("MYSQL_PROCEDURE", "PROCEDURE", "shop.p", routine("PROCEDURE", "p", "BEGIN END")),
    ("MYSQL_FUNCTION", "FUNCTION", "shop.f", routine("FUNCTION", "f", "RETURN 1")),
    ("MYSQL_TRIGGER", "TRIGGER", "g ON shop.t", trigger("g", "SET NEW.a = 1")),
    ("MYSQL_TRIGGER_ORDER", "TRIGGER", "g ON shop.t", (trigger("g", "SET NEW.a = 1"), trigger("h", "SET NEW.a = 2"))),
    ("MYSQL_EVENT", "EVENT", "shop.e", event("e", "DELETE FROM t")),
    ("MYSQL_PACKAGE", "PACKAGE BODY", "shop.k", routine("PACKAGE BODY", "k", "AS x int; END")),
    (
        "MYSQL_EXTERNAL_ROUTINE",
        "FUNCTION",
        "shop.f",
        routine("FUNCTION", "f", "return 1;", external_language="JAVASCRIPT"),
    ),
    ("MYSQL_UDF", "FUNCTION", "levenshtein", library_function("levenshtein")),
    ("MYSQL_INVALID_VIEW", "VIEW", "shop.v", (table("t"), view("v", "select 1 AS `a`", works=False))),
    ("MYSQL_DEFINER", "ROLE", "dba@%", view("v", "select 1 AS `a`")),
    ("MYSQL_CODE_UNREADABLE", "PROCEDURE", "shop.p", routine("PROCEDURE", "p", "SELECT 'a")),
    ("MYSQL_RESULT_SET", "PROCEDURE", "shop.p", routine("PROCEDURE", "p", "SELECT a FROM t")),
    ("VIEW_WITH_CHECK_OPTION", "VIEW", "shop.v", view("v", "select 1 AS `a`", check_option="CASCADED")),
    of_constraint("PK_UK_ON_BIT_DATATYPE", "PRIMARY", table("t", column("c", "bit(64)"), primary_key("c"))),
    of_index("INDEX_ON_BIT_DATATYPE", column("c", "bit(64)"), index("i", "c")),
    of_index("HOTSPOTS_ON_DATE_INDEX", column("c", "date"), index("i", "c")),
    of_index("HOTSPOTS_ON_TIMESTAMP_INDEX", column("c", "datetime"), index("i", "c")),
    of_constraint("HOTSPOTS_ON_DATE_PK_UK", "i", table("t", column("c", "date"), index("i", "c", unique=True))),
    of_constraint("HOTSPOTS_ON_TIMESTAMP_PK_UK", "PRIMARY", table("t", column("c", "timestamp"), primary_key("c"))),
    of_constraint(
        "FOREIGN_KEY_DATATYPE_MISMATCH",
        "f",
        PARENT,
        table("t", column("c", "enum('b')"), foreign_key("f", "c", "p", "e")),
    ),
    of_table(
        "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL", column("c", "int", nullable=False), index("i", "c", unique=True)
    ),
]
# Issues that depend on the release or the server.
OTHERS = {"STORED_GENERATED_COLUMNS", "SECURITY_INVOKER_VIEWS", "MYSQL_ZERO_DATE"}


@pytest.mark.parametrize(("issue_id", "object_type", "name", "parts"), EXAMPLES)
def test_an_issue_is_found_at_its_object(issue_id, object_type, name, parts):
    assert (object_type, name) in places(issue_id, *(parts if isinstance(parts, tuple) else (parts,)))


def test_every_issue_has_an_example():
    assert {issue.id for issue in ISSUES} == {one[0] for one in EXAMPLES} | OTHERS | set(CONSTRUCTS)


NEAR_MISSES = [
    ("MYSQL_BIGINT_UNSIGNED", table("t", column("c", "int unsigned"))),
    ("MYSQL_TINYINT1", table("t", column("c", "tinyint(4)"), column("d", "tinyint(1) unsigned"))),
    ("MYSQL_ZEROFILL", table("t", column("c", "enum('zerofill')"))),
    ("MYSQL_JSON", table("t", column("c", "longtext"), column("d", "longtext"), check("k", "length(`c`) > 1"))),
    ("MYSQL_ENUM_TYPE_NAME", (table("t", column("c", "enum('a')")), table("t_d"))),
    ("MYSQL_INET", table("t", column("c", "inet6"), column("d", "int"), index("i", "d"))),
    (
        "MYSQL_ZERO_DATE_DEFAULT",
        table("t", column("c", "varchar(20)", column_default="0000-00-00", default_kind="literal")),
    ),
    (
        "MYSQL_EXPRESSION_DEFAULT",
        table("t", column("c", "timestamp", column_default="current_timestamp()", default_kind="sql")),
    ),
    (
        "MYSQL_EXPRESSION_DEFAULT",
        table("t", column("c", "varchar(9)", column_default="uuid()", default_kind="literal")),
    ),
    ("MYSQL_VIRTUAL_COLUMN", table("t", column("c", "int", extra="STORED GENERATED", generation_expression="1"))),
    (
        "MYSQL_GENERATION_EXPRESSION",
        table("t", column("c", "int", extra="STORED GENERATED", generation_expression="(lower(`date_format`) + 1)")),
    ),
    (
        "MYSQL_GENERATED_FROM_GENERATED",
        table("t", column("a", "int"), column("b", "int", extra="STORED GENERATED", generation_expression="(`a` + 1)")),
    ),
    ("MYSQL_LEGACY_CHARSET", table("t", column("c", "varchar(9)", character_set_name="utf8mb3"), column("d", "int"))),
    ("MYSQL_CI_INDEX", table("t", column("c", "varchar(9)"), column("d", "int"), index("i", "c"), index("j", "d"))),
    ("MYSQL_CI_INDEX", table("t", column("c", "varchar(9)", collation_name="utf8mb4_0900_as_cs"), index("i", "c"))),
    ("MYSQL_CI_INDEX", table("t", column("c", "text", **LOOSE), index("i", "c", index_type="FULLTEXT"))),
    ("MYSQL_CI_FOREIGN_KEY", (PARENT, table("t", column("c", "bigint(20)"), foreign_key("f", "c", "p", "id")))),
    ("MYSQL_PREFIX_INDEX", table("t", column("c", "text"), index("i", "c(5)", index_type="FULLTEXT"))),
    ("MYSQL_FUNCTIONAL_INDEX", table("t", column("c", "int"), index("i", "c"))),
    ("MYSQL_MULTI_VALUED_INDEX", table("t", column("array", "int"), index("i", "((lower(`array`)))"))),
    ("MYSQL_NO_PRIMARY_KEY", (table("t"), table("s", column("c", "int"), table_type="SEQUENCE"))),
    ("MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL", table("t", column("c", "int"), index("i", "c", unique=True))),
    (
        "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL",
        table("t", column("c", "varchar(9)", nullable=False), index("i", "c(5)", unique=True)),
    ),
    ("MYSQL_NON_TRANSACTIONAL_ENGINE", (table("t", engine="RocksDB"), engine("ROCKSDB", "YES"))),
    ("MYSQL_LARGE_ROWS", table("t", avg_row_length=1_000_000)),
    ("MYSQL_PARTITION_EXPRESSION", table("t", partition("RANGE", "`id`"))),
    ("MYSQL_PARTITION_EXPRESSION", table("t", column("a", "int"), partition("RANGE COLUMNS", "`id`,`a`"))),
    ("MYSQL_PARTITION_NULL", table("t", column("c", "int"), partition("LIST", "`c`"))),
    ("MYSQL_PARTITION_NULL", table("t", partition("RANGE", "`id`"))),
    ("MULTI_COLUMN_LIST_PARTITION", table("t", column("a", "int"), partition("LIST COLUMNS", "`a`"))),
    ("MYSQL_FK_ON_NON_UNIQUE_KEY", (PARENT, table("t", column("c", "bigint(20)"), foreign_key("f", "c", "p", "ID")))),
    (
        "MYSQL_FK_ON_NON_UNIQUE_KEY",
        (
            table("p", column("a", "int"), column("b", "int"), index("i", "a", "b", unique=True)),
            table("t", column("x", "int"), column("y", "int"), foreign_key("f", "x,y", "p", "b,a")),
        ),
    ),
    ("FOREIGN_KEY_DATATYPE_MISMATCH", (PARENT, table("t", column("c", "enum('a')"), foreign_key("f", "c", "p", "e")))),
    (
        "FOREIGN_KEY_DATATYPE_MISMATCH",
        (PARENT, table("t", column("c", "text", **LOOSE), foreign_key("f", "c", "p", "k"))),
    ),
    ("MYSQL_CHECK_EXPRESSION", table("t", check("k", "(`id` > 0) and (char_length(`find_in_set`) < 5)"))),
    (
        "MYSQL_CHECK_EXPRESSION",
        table("t", check("k", "case when (`id` > 1) then (`id` in (1,2)) else (cast(`id` as decimal(9,2)) < 5) end")),
    ),
    ("MYSQL_CHECK_EXPRESSION", table("t", column("c", "longtext"), check("c", "json_valid(`c`)"))),
    ("MYSQL_CHECK_EXPRESSION", table("t", check("k", "(`id` <> _utf8mb4\\'it\\\\\\'s\\')"))),
    ("MYSQL_CHARACTER_SET", view("v", "select _utf8mb4'x' AS `a`,cast(1 as char charset utf8mb4) AS `b`")),
    ("MYSQL_NAME_COLLISION", (table("a"), table("b"), routine("FUNCTION", "A", "RETURN 1"))),
    ("MYSQL_NAME_TOO_LONG", table("x" * 63)),
    ("MYSQL_RESERVED_WORD", table("t", column("status", "int"), column("key", "int"), column("users", "int"))),
    ("MYSQL_NAME_NEEDS_QUOTES", table("Mixed_Case", column("a$1", "int"), column("größe", "int"))),
    ("MYSQL_TRIGGER_ORDER", (trigger("g", "SET NEW.a = 1"), trigger("h", "SET NEW.a = 2", event="UPDATE"))),
    ("MYSQL_TRIGGER_ORDER", (trigger("g", "SET NEW.a = 1"), trigger("h", "SET NEW.a = 2", on="u"))),
    ("MYSQL_INVALID_VIEW", view("v", "select 1 AS `a`")),
    ("MYSQL_INVALID_VIEW", (table("t"), view("v", None, works=False))),
    ("MYSQL_DEFINER", routine("FUNCTION", "f", "RETURN 1", security_type="INVOKER")),
    ("VIEW_WITH_CHECK_OPTION", view("v", "select 1 AS `a`")),
    ("HOTSPOTS_ON_DATE_INDEX", table("t", column("a", "int"), column("c", "date"), index("i", "a", "c"))),
    ("HOTSPOTS_ON_TIMESTAMP_INDEX", table("t", column("c", "time"), index("i", "c"))),
    ("MYSQL_RESULT_SET", routine("FUNCTION", "f", "BEGIN SELECT a INTO b FROM t; RETURN b; END")),
]


@pytest.mark.parametrize(("issue_id", "parts"), NEAR_MISSES)
def test_what_only_looks_like_an_issue_is_none(issue_id, parts):
    assert places(issue_id, *(parts if isinstance(parts, tuple) else (parts,))) == []


@pytest.mark.parametrize(
    ("sql_mode", "possible"),
    [
        ("STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION", True),
        ("NO_ZERO_DATE,NO_ZERO_IN_DATE", True),
        ("", True),
        ("NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_ALL_TABLES", False),
        ("TRADITIONAL", False),
        (None, False),
    ],
)
def test_zero_dates_are_possible_where_the_mode_lets_them_in(sql_mode: str | None, possible: bool):
    dated = table("t", column("c", "date"), column("d", "time"), column("e", "varchar(9)"))
    expected = [("COLUMN", "shop.t.c")] if possible else []
    assert places("MYSQL_ZERO_DATE", dated, sql_mode=sql_mode) == expected


@pytest.mark.parametrize(("release", "raised"), [(OLD, True), (LATEST_STABLE, False)])
def test_what_a_release_has_fixed_is_no_finding_for_it(release: str, raised: bool):
    generated = table("t", column("c", "int", extra="STORED GENERATED", generation_expression="1"))
    invoked = view("v", "select 1 AS `a`", security_type="INVOKER")
    ids = {one.issue_id for one in findings(generated, invoked, release=release)}
    assert ({"STORED_GENERATED_COLUMNS", "SECURITY_INVOKER_VIEWS"} <= ids) is raised


def test_a_construct_is_told_with_its_line_and_how_often_it_stands_there():
    body = "BEGIN\n  SET @a = 1;\n  SET @b = @a;\nEND"
    [found] = [one for one in findings(routine("PROCEDURE", "p", body)) if one.issue_id == "MYSQL_USER_VARIABLE"]
    assert (found.object_type, found.object_name) == ("PROCEDURE", "shop.p")
    assert (found.line, found.statement) == (2, "SET @a = 1;")
    assert found.details == {"Count": 3, "FunctionNames": ["@a", "@b"], "Lines": [2, 3]}
    assert found.category == "unsupported_plpgsql_objects"


def test_a_construct_of_a_recorded_query_belongs_to_no_object():
    text = "INSERT INTO `t` VALUES (?) ON DUPLICATE KEY UPDATE `a` = ?"
    [found] = [one for one in findings(query(text)) if one.issue_id == "MYSQL_UPSERT"]
    assert (found.object_type, found.object_name, found.statement) == ("", "", text)
    assert found.category == "unsupported_query_constructs"


def test_what_clients_ask_when_they_connect_is_no_finding():
    assert findings(query("SELECT @@`version_comment` LIMIT ?"), query("SELECT DATABASE ( )")) == ()
    assert places("MYSQL_LAST_INSERT_ID", query("SELECT LAST_INSERT_ID ( )")) == [("", "")]


def test_the_query_that_tells_is_quoted_for_the_source():
    [found] = [
        one for one in findings(table("odd`name", column("fl ag", "tinyint(1)"))) if one.issue_id == "MYSQL_TINYINT1"
    ]
    assert found.details["CheckSQL"] == "SELECT MIN(`fl ag`), MAX(`fl ag`) FROM `shop`.`odd``name`"


def test_hidden_bodies_are_no_findings_but_objects():
    judgement = judge(shop(routine("PROCEDURE", "p", None), view("v", None)), target_version=LATEST_STABLE)
    assert {(one.object_type, one.names) for one in judgement.objects} >= {
        ("PROCEDURE", ("shop.p",)),
        ("VIEW", ("shop.v",)),
    }
    assert not [one for one in judgement.findings if one.issue_id in CONSTRUCTS]


# The whole judgement -----------------------------------------------------------------------------


def test_objects_are_counted_with_those_that_need_work():
    judgement = judge(
        shop(
            table("t", column("c", "point"), primary_key("c"), index("i", "c"), index("w", "c", index_type="FULLTEXT")),
            table("u"),
            table("s", table_type="SEQUENCE"),
            view("v", "select 1 AS `a`"),
            trigger("g", "SET NEW.a = 1"),
        ),
        target_version=LATEST_STABLE,
    )
    counted = {one.object_type: (one.names, one.invalid) for one in judgement.objects}
    assert counted == {
        "SCHEMA": (("shop",), 0),
        "SEQUENCE": (("shop.s",), 1),
        "TABLE": (("shop.t", "shop.u"), 1),
        "INDEX": (("i ON shop.t", "w ON shop.t"), 1),
        "VIEW": (("shop.v",), 0),
        "TRIGGER": (("g ON shop.t",), 1),
    }


@pytest.mark.parametrize(
    ("indexes", "redundant"),
    [
        ((index("a", "x"), index("b", "x", "y")), {"a": "b"}),
        ((index("a", "x"), index("b", "x")), {"b": "a"}),
        ((index("a", "x"), index("b", "x", "y"), index("c", "x", "y", "z")), {"a": "c", "b": "c"}),
        ((index("a", "x", unique=True), index("b", "x", "y")), {}),
        ((index("a", "x"), index("b", "x", unique=True)), {"a": "b"}),
        ((index("a", "x", unique=True), index("b", "x", unique=True)), {"b": "a"}),
        ((index("a", "x(5)"), index("b", "x", "y")), {}),
        ((index("a", "X"), index("b", "x", "y")), {"a": "b"}),
        ((index("a", "x", collation="D"), index("b", "x", "y")), {}),
        ((index("a", "x"), index("b", "x", "y", is_visible="NO")), {}),
        ((index("a", "x"), index("b", "x", "y", index_type="FULLTEXT")), {}),
        ((index("a", "y"), index("b", "x", "y")), {}),
        ((index("a", "id"),), {"a": "PRIMARY"}),
        ((index("a", "id", unique=True),), {"a": "PRIMARY"}),
        ((index("a", "id", "x"),), {}),
        ((index("a", "((lower(`x`)))"), index("b", "((lower(`x`)))", "y")), {"a": "b"}),
        ((index("a", "x"), index("b", "x", "((lower(`y`)))")), {}),
        ((index("a", "x"), index("b", "x", "y"), index("c", "x", "y", "((lower(`z`)))")), {"a": "b"}),
        ((index("a", "x"), index("b", "x", "flags")), {}),
        ((index("a", "x"), index("b", "x", "y"), index("c", "x", "y", "flags")), {"a": "b"}),
    ],
)
def test_an_index_goes_for_one_that_stays(indexes, redundant):
    integers = (column(one, "int") for one in "xyz")
    columns = (column("id", "int", nullable=False), primary_key("id"), *integers, column("flags", "bit(64)"))
    found = judge(shop(table("t", *columns, *indexes)), target_version=LATEST_STABLE).redundant_indexes
    assert {one.index.split(".")[-1]: one.existing.split(".")[-1] for one in found} == redundant


def test_a_redundant_index_has_the_name_of_its_size_and_load():
    judged = judge(
        shop(table("t", column("x", "text"), index("a", "x(5)"), index("b", "x(5)", "x"))), target_version=LATEST_STABLE
    )
    [found] = judged.redundant_indexes
    assert (found.table, found.index) == ("shop.t", "shop.t.a")
    assert found.ddl == "CREATE INDEX `a` ON `shop`.`t` (`x`(5))"


def test_ordered_secondary_indexes_are_to_be_in_order_on_the_target():
    judged = judge(
        shop(table("t", column("x", "text"), index("a", "x"), index("w", "x", index_type="FULLTEXT"))),
        target_version=LATEST_STABLE,
    )
    assert judged.range_indexes == ("shop.t.a",)


def complexity(*parts):
    return judge(shop(*parts), target_version=LATEST_STABLE).complexity


def test_tables_alone_are_little_work():
    found = complexity(table("t", column("c", "blob")), view("v", "select 1 AS `a`"))
    assert found.level == LOW
    assert found.explanation.endswith("No routine, trigger, event or view has to be rewritten.")


def test_code_to_rewrite_makes_it_medium_and_much_of_it_high():
    assert complexity(routine("FUNCTION", "f", "RETURN 1")).level == MEDIUM
    assert complexity(view("v", "select ifnull(1,2) AS `a`")).level == MEDIUM
    # 140 functions of 4 units each (one of itself, two of testing, one of reading) are 560 units of 84 a day.
    found = complexity(*(routine("FUNCTION", f"f{number}", "RETURN 1") for number in range(140)))
    assert (found.level, found.effort_days) == (HIGH, 6.7)


@pytest.mark.parametrize(("number", "level"), [(1, MEDIUM), (4, MEDIUM), (5, HIGH)])
def test_objects_without_an_easy_way_around_weigh_by_their_number(number: int, level: str):
    assert complexity(table("t", *(column(f"c{place}", "point") for place in range(number)))).level == level


def test_effort_adds_up_and_names_its_parts():
    body = "BEGIN SET @a = 1; INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2; END"
    found = complexity(table("t"), routine("PROCEDURE", "p", body))
    parts = {one.kind: (one.count, one.days, one.invalid) for one in found.effort}
    # A procedure: 1 of itself, 2 of testing, 1 of reading, 0.1 for @a, 2 for the upsert.
    assert parts["PROCEDURE"] == (1, round(6.1 / 84, 2), 1)
    assert parts["TABLE"][0] == 1


def test_the_types_are_told_with_how_many_columns_have_them():
    mapping = judge(
        shop(table("t", column("a", "int(11)"), column("b", "int(3)"), column("e", "enum('x')"))),
        target_version=LATEST_STABLE,
    ).facts["type_mapping"]
    assert mapping == [
        {"source": "enum", "target": "an enum type", "columns": 1},
        {"source": "int", "target": "integer", "columns": 2},
    ]


def test_a_column_that_the_account_may_not_see_is_passed_over():
    seen = table("t", column("a", "int"), index("i", "hidden", unique=True), foreign_key("f", "hidden", "t", "a"))
    assert {one.issue_id for one in findings(seen)} == {"MYSQL_NO_PRIMARY_KEY", "MYSQL_FK_ON_NON_UNIQUE_KEY"}


def test_an_empty_database_is_judged_as_nothing():
    judged = judge(shop(), target_version=LATEST_STABLE)
    assert judged.findings == ()
    assert judged.complexity.level == LOW
