"""The judge of Oracle, fact by fact: what raises a finding, and what nearly does."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from voyager.assessment.assessment import HIGH, LOW, MEDIUM, NOT_AVAILABLE
from voyager.assessment.judgement import Judgement
from voyager.assessment.judges.oracle.code import CodeObject, bare, package_variables
from voyager.assessment.judges.oracle.constructs import CONSTRUCTS, occurrences
from voyager.assessment.judges.oracle.issues import ISSUES, by_id
from voyager.assessment.judges.oracle.judge import judge
from voyager.assessment.judges.oracle.names import LONGEST, folded, target_name
from voyager.assessment.metadata import Metadata
from voyager.schema.issues.issue import CATEGORIES, LATEST_STABLE
from voyager.sources.oracle.metadata import QUESTIONS
from voyager.sources.oracle.types import RULES, UNSUPPORTED, ColumnFacts, TargetType, target_type

EXAMPLES = {
    "CONNECT BY": "start with x connect\n by prior a = b",
    "(+)": "where a.id = b.id ( + )",
    "ROWNUM": "and rownum<=10",
    "ROWID": "where t.rowid = x",
    "MERGE": "merge  into t using s",
    "flashback": "from t as of scn 1 where ora_rowscn > 2",
    "PIVOT": "pivot (sum(x) for y in (1))",
    "MODEL": "model dimension by (x) measures (y) rules ()",
    "INSERT ALL": "insert all into a values (1)",
    "KEEP": "max(x) keep (dense_rank first order by y)",
    "comparison with ''": "if x = '' then",
    "TABLE(…)": "select 1 from a,table(f(x))",
    "XML": "extractvalue(x, '/y')",
    "Oracle Text": "where contains(body, 'x', 1) > 0",
    "spatial": "sdo_relate(a, b)",
    "database link": "select * from emp@remote.example.com",
    "function of Oracle": "bitand(a, 1) + bitand(b, 1)",
    "autonomous transaction": "PRAGMA  AUTONOMOUS_TRANSACTION;",
    "COMMIT or ROLLBACK": "commit work;",
    "SAVEPOINT": "savepoint before_it;",
    "BULK COLLECT": "fetch c bulk  collect into x",
    "FORALL": "forall i in 1 .. 9 null",
    "collection": "type t is table of number;",
    "dynamic SQL": "open c for v_sql;",
    "GOTO": "goto done;",
    "PIPE ROW": "pipe row (x);",
    "REF CURSOR": "c sys_refcursor;",
    "package of Oracle": "utl_http.request(x)",
    "SYS_CONTEXT": "sys_context('USERENV', 'IP_ADDRESS')",
    "$IF": "$IF $$debug $THEN",
    "external routine": "as language java name 'X.y()'",
    "ANYDATASET": "x anydataset;",
    "ANYDATA": "x sys.anydata;",
    "ANYTYPE": "x anytype;",
    "URITYPE": "x httpuritype;",
    "WHEN OTHERS": "exception when others then null;",
    "PRAGMA": "pragma exception_init(e, -1);",
    "record": "type r is record (a number);",
    "SQLCODE": "x := sqlcode;",
    "%ISOPEN, %ROWCOUNT": "if c%isopen then",
    "named exception": "when dup_val_on_index then",
    "IS JSON": "where x is json",
    "||": "a || b",
    "TO_NUMBER": "to_number(x)",
    "TRUNC": "trunc(x)",
    "TO_CHAR": "to_char(x)",
    "TO_CLOB": "to_clob(x)",
}
"""Construct -> a place where it stands."""


def metadata(*, schemas: tuple[str, ...] = ("HR",), facts: dict[str, Any] | None = None, **tables: Any) -> Metadata:
    """Answers by the name of their table; each row may leave out what does not matter."""
    columns = {question.name.replace("-", "_"): question.columns for question in QUESTIONS}
    filled = {
        name: tuple({"source_node": "primary", **dict.fromkeys(columns[name]), **row} for row in rows)
        for name, rows in tables.items()
    }
    return Metadata("oracle", "ORCL", "19c", schemas=schemas, tables=filled, facts=facts or {})


def judged(**tables: Any) -> Judgement:
    return judge(metadata(**tables), target_version=LATEST_STABLE)


def found(judgement: Judgement) -> set[tuple[str, str]]:
    return {(one.issue_id, one.object_name) for one in judgement.findings}


def objects(*rows: tuple[str, str]) -> list[dict[str, str]]:
    return [{"schema_name": "HR", "object_name": name, "object_type": kind} for name, kind in rows]


def column(name: str, data_type: str, table: str = "T", **facts: Any) -> dict[str, Any]:
    usual = {"nullable": "Y", "virtual_column": "NO", "hidden_column": "NO", "user_generated": "YES",
             "default_on_null": "NO", "identity_column": "NO"}  # fmt: skip
    return {"schema_name": "HR", "table_name": table, "column_name": name, "data_type": data_type, **usual, **facts}


def constraint(name: str, kind: str, *columns: str, **facts: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    said = {"schema_name": "HR", "constraint_name": name, "table_name": "T", "constraint_type": kind,
            "status": "ENABLED", "validated": "VALIDATED", "deferrable": "NOT DEFERRABLE", **facts}  # fmt: skip
    parts = [
        {"schema_name": "HR", "constraint_name": name, "table_name": "T", "column_name": one, "position": place}
        for place, one in enumerate(columns, 1)
    ]
    return said, parts


def with_constraint(
    one: tuple[dict[str, Any], list[dict[str, Any]]], *columns: dict[str, Any], **more: Any
) -> set[str]:
    answer = judged(
        object_type_mapping=objects(("T", "TABLE")), columns=columns, constraints=[one[0]], constraint_columns=one[1],
        **more,
    )  # fmt: skip
    return {issue_id for issue_id, name in found(answer) if name.startswith("HR.T, constraint")}


def code(kind: str, name: str, text: str) -> list[dict[str, Any]]:
    return [
        {"schema_name": "HR", "object_type": kind, "object_name": name, "line": number, "text": line}
        for number, line in enumerate(text.split("\n"), 1)
    ]


def constructs(text: str) -> set[str]:
    return {one.construct.issue_id for one in occurrences(bare(text)) if one.construct.issue_id}


def test_the_catalogue_is_whole_and_of_one_form():
    assert len({issue.id for issue in ISSUES}) == len(ISSUES)
    assert {issue.category for issue in ISSUES} <= CATEGORIES.keys()
    for issue in ISSUES:
        assert 1 <= issue.impact <= 3
        assert issue.says.endswith(".")
        assert issue.advice.endswith(".")
        assert issue.link.startswith("https://")


def test_every_issue_that_a_type_or_a_construct_names_has_a_row():
    named = {construct.issue_id for construct in CONSTRUCTS if construct.issue_id}
    for rule in RULES.values():
        if isinstance(rule, TargetType):
            named |= set(rule.issues)
    named |= {one for name in RULES for one in target_type(ColumnFacts(name)).issues}
    for name in named | set(UNSUPPORTED):
        assert by_id(name).id.upper() == name.upper()


class TestMetadataOfTheExistingTool:
    """Its six files, and nothing else."""

    def judgement(self, **facts: Any) -> Judgement:
        found = metadata(
            facts=facts,
            object_type_mapping=objects(
                ("EMP", "TABLE"), ("REV", "NORMAL/REV INDEX"), ("FREV", "FUNCTION-BASED NORMAL/REV INDEX"),
                ("FDOM", "FUNCTION-BASED DOMAIN INDEX"), ("BIX", "BITMAP INDEX"), ("IX", "NORMAL INDEX"),
                ("FIX", "FUNCTION-BASED NORMAL INDEX"), ("CAR", "INHERITED TYPE"), ("EMP.TOTAL", "VIRTUAL COLUMN"),
                ("CHILD", "REFERENCE PARTITION"), ("EMP_P1", "TABLE PARTITION"),
            ),
            table_columns_data_types=[
                {"schema_name": "HR", "table_name": "EMP", "column_name": "A", "data_type": "AnyData"},
                {"schema_name": "HR", "table_name": "EMP", "column_name": "B", "data_type": "NVARCHAR2"},
                {"schema_name": "HR", "table_name": "EMP", "column_name": "C", "data_type": "UROWID"},
                {"schema_name": "HR", "table_name": "A_VIEW", "column_name": "C", "data_type": "CLOB"},
            ],
        )  # fmt: skip
        return judge(found, target_version=LATEST_STABLE)

    def test_is_judged_with_its_names_and_no_others(self):
        assert found(self.judgement()) == {
            ("UNSUPPORTED_INDEXES", "Index Name: REV, Index Type=NORMAL/REV INDEX"),
            ("UNSUPPORTED_INDEXES", "Index Name: FREV, Index Type=FUNCTION-BASED NORMAL/REV INDEX"),
            ("UNSUPPORTED_INDEXES", "Index Name: FDOM, Index Type=FUNCTION-BASED DOMAIN INDEX"),
            ("INHERITED_TYPES", "CAR"),
            ("VIRTUAL_COLUMNS", "EMP.TOTAL"),
            ("UNSUPPORTED_PARTITIONING_METHODS", "Table Name: CHILD, Partition Method: REFERENCE PARTITION"),
            ("ANYDATA", "HR.EMP.A"),
            ("UROWID", "HR.EMP.C"),
        }

    @pytest.mark.parametrize(("level", "expected"), [("A-2", LOW), ("B-5", MEDIUM), ("C-5", HIGH)])
    def test_takes_the_complexity_of_its_report(self, level: str, expected: str):
        report = f'"dbi:Oracle:(X = Y)";"Oracle 19c";"HR";"261.62 MB";"7 person-day(s)";"{level}";"0/0/0.00"'
        complexity = self.judgement(ora2pg_report=report).complexity
        assert complexity.level == expected
        assert "7 person-day(s)" in complexity.explanation

    @pytest.mark.parametrize("report", ["", "a;b;c", '"x";"y";"z";"1 MB";"1 person-day(s)";"unknown"', "\n\n"])
    def test_has_no_complexity_without_a_report_that_says_one(self, report: str):
        assert self.judgement(ora2pg_report=report).complexity.level == NOT_AVAILABLE


def test_a_compound_trigger_of_an_exported_schema_is_found_in_its_text():
    ddl = (
        "CREATE TRIGGER trg_simple\n\tCOMPOUND INSERT ON t FOR EACH ROW\n\tEXECUTE PROCEDURE f();\n"
        "CREATE TRIGGER compound AFTER INSERT ON t FOR EACH ROW EXECUTE PROCEDURE f();\n"
    )
    found = metadata(object_type_mapping=objects(("T", "TABLE")))
    one = judge(Metadata(**{**vars(found), "ddl": ddl}), target_version=LATEST_STABLE)
    assert [(one.issue_id, one.object_name, one.statement[:25]) for one in one.findings] == [
        ("COMPOUND_TRIGGER", "trg_simple", "CREATE TRIGGER trg_simple")
    ]


def test_a_not_null_is_no_check_and_a_check_of_ones_own_is():
    plain = constraint("SYS_C1", "C", "A", search_condition='"A" IS NOT NULL', deferrable="DEFERRABLE")
    assert with_constraint(plain, column("A", "NUMBER")) == set()
    assert with_constraint(constraint("C1", "C", "A", search_condition="a > 0"), column("A", "NUMBER")) == set()
    asked = constraint("C1", "C", "A", search_condition="regexp_like(a, 'x')", deferrable="DEFERRABLE")
    assert with_constraint(asked, column("A", "NUMBER")) == {"ORACLE_CHECK_EXPRESSION", "ORACLE_DEFERRABLE_CONSTRAINT"}
    quoted = constraint("C1", "C", "A", search_condition="a <> 'TO_CHAR'")
    assert with_constraint(quoted, column("A", "NUMBER")) == set()


def test_a_disabled_constraint_is_that_and_nothing_else():
    off = constraint("U1", "U", "A", status="DISABLED", validated="NOT VALIDATED", deferrable="DEFERRABLE")
    assert with_constraint(off, column("A", "VARCHAR2")) == {"ORACLE_DISABLED_CONSTRAINT"}


def test_only_a_key_with_text_was_without_empty_strings_and_only_a_wide_one_can_hold_null_beside_values():
    assert with_constraint(constraint("U", "U", "A"), column("A", "NUMBER")) == set()
    assert with_constraint(constraint("U", "U", "A"), column("A", "CHAR")) == {"ORACLE_EMPTY_STRING_KEY"}
    both = (column("A", "NUMBER"), column("B", "NUMBER", nullable="N"))
    assert with_constraint(constraint("U", "U", "A", "B"), *both) == {"ORACLE_NULLS_IN_UNIQUE_KEY"}
    assert with_constraint(constraint("P", "P", "A", "B"), *both) == set()
    filled = (column("A", "NUMBER", nullable="N"), column("B", "NUMBER", nullable="N"))
    assert with_constraint(constraint("U", "U", "A", "B"), *filled) == set()


def test_a_foreign_key_may_be_deferrable():
    assert with_constraint(constraint("F", "R", "A", deferrable="DEFERRABLE"), column("A", "NUMBER")) == set()


def test_a_key_holds_the_partition_key_of_both_levels_or_is_told():
    parts = [
        {"schema_name": "HR", "table_name": "T", "key_of": level, "column_name": name, "column_position": 1}
        for level, name in (("PARTITION", "A"), ("SUBPARTITION", "B"))
    ]
    columns = (column("A", "NUMBER", nullable="N"), column("B", "NUMBER", nullable="N"))
    whole = with_constraint(constraint("P", "P", "B", "A"), *columns, partition_keys=parts)
    assert whole == set()
    lacking = with_constraint(constraint("P", "P", "A"), *columns, partition_keys=parts)
    assert lacking == {"ORACLE_KEY_WITHOUT_PARTITION_KEY"}


def test_a_descending_index_is_an_ordinary_one_and_an_expression_is_judged_by_what_it_calls():
    def of(*expressions: str) -> set[str]:
        rows = [
            {"schema_name": "HR", "index_name": "IX", "column_position": place, "column_name": f"SYS_NC{place}$",
             "descend": "DESC" if one.startswith('"') else "ASC", "column_expression": one}
            for place, one in enumerate(expressions, 1)
        ]  # fmt: skip
        index = {"schema_name": "HR", "index_name": "IX", "table_schema": "HR", "table_name": "T",
                 "index_type": "FUNCTION-BASED NORMAL"}  # fmt: skip
        answer = judged(
            object_type_mapping=objects(("T", "TABLE")), columns=[column("A", "DATE")], indexes=[index],
            index_columns=rows,
        )  # fmt: skip
        return {issue_id for issue_id, name in found(answer) if name == "IX ON HR.T"}

    assert of('"A"') == set()
    assert of('UPPER("NAME")', 'SUBSTR("NAME",1,3)') == set()
    assert of("""NVL("NAME",'TO_CHAR(1)')""") == set()
    assert of("""TO_CHAR("A",'YYYY')""") == {"ORACLE_INDEX_EXPRESSION"}
    assert of('TRUNC("A")') == {"ORACLE_INDEX_EXPRESSION"}
    assert of('"HR"."OWN_FUNCTION"("A")') == {"ORACLE_INDEX_EXPRESSION"}
    assert of("""CASE "STATE" WHEN 'OPEN' THEN "ID" END""") == {"ORACLE_PARTIAL_INDEX"}
    assert of("""CASE "STATE" WHEN 'OPEN' THEN 1 ELSE 0 END""") == set()


@pytest.mark.parametrize(
    ("last", "most", "told"),
    [
        (1, 9999999999999999999999999999, False),  # no MAXVALUE
        (1, 9223372036854775807, False),
        (1, 9223372036854775808, True),
        (9223372036854775808, 9999999999999999999999999999, True),
    ],
)
def test_a_sequence_is_too_large_by_what_it_gave_or_was_allowed(last: int, most: int, told: bool):
    answer = judged(sequences=[{"schema_name": "HR", "sequence_name": "S", "last_number": last, "max_value": most}])
    assert (("ORACLE_SEQUENCE_BEYOND_BIGINT", "HR.S") in found(answer)) is told


@pytest.mark.parametrize(
    ("name", "expected", "issues"),
    [
        ("EMPLOYEES", "employees", set()),
        ("A$B_1", "a$b_1", set()),
        ("ORDER", '"order"', {"ORACLE_RESERVED_NAME"}),
        ("Mixed", '"Mixed"', {"ORACLE_QUOTED_NAME"}),
        ("N#", '"n#"', {"ORACLE_QUOTED_NAME"}),
        ("2024", '"2024"', {"ORACLE_QUOTED_NAME"}),
        ("lower", "lower", set()),
        ("Ä" * 31 + "AA", '"' + "Ä" * 31 + 'AA"', {"ORACLE_QUOTED_NAME", "ORACLE_LONG_NAME"}),
        ("A" * LONGEST, "a" * LONGEST, set()),
    ],
)
def test_a_name_folds_and_is_quoted_as_the_target_needs_it(name: str, expected: str, issues: set[str]):
    assert target_name(name) == expected
    answer = judged(object_type_mapping=objects((name, "TABLE")))
    assert {one.issue_id for one in answer.findings} == issues


def test_names_collide_where_they_fold_to_one_or_share_a_space():
    tables = objects(("ABC", "TABLE"), ("abc", "TABLE"), ("Abc", "TABLE"), ("OTHER", "TABLE"))
    sequences = [{"schema_name": "HR", "sequence_name": "OTHER"}, {"schema_name": "X", "sequence_name": "ABC"}]
    answer = judged(object_type_mapping=tables, sequences=sequences)
    collisions = {name for issue_id, name in found(answer) if issue_id == "ORACLE_NAME_COLLISION"}
    assert collisions == {"HR.abc", "HR.OTHER"}
    assert folded("ABC") == folded("abc")


def test_a_column_that_oracle_made_for_itself_is_none():
    hidden = {"hidden_column": "YES", "user_generated": "NO", "virtual_column": "YES"}
    rows = [column("SYS_NC00002$", "DATE", **hidden), column("SYS_C00003$", "BLOB", **hidden)]
    answer = judged(object_type_mapping=objects(("T", "TABLE")), columns=rows)
    assert found(answer) == set()


def test_a_default_is_judged_by_its_words_and_not_by_its_constants():
    def of(default: str, **facts: Any) -> bool:
        answer = judged(
            object_type_mapping=objects(("T", "TABLE")), columns=[column("A", "CHAR", data_default=default, **facts)]
        )
        return ("ORACLE_DEFAULT_EXPRESSION", "HR.T.A") in found(answer)

    assert of("SYSDATE ")
    assert of('"HR"."S"."NEXTVAL"')
    assert not of("'SYSDATE'")
    assert not of("0")
    assert not of("NULL")
    assert not of('"HR"."ISEQ$$_1".nextval', identity_column="YES")


def test_tables_without_a_key_are_told_only_when_constraints_were_read():
    tables = objects(("T", "TABLE"), ("V", "MATERIALIZED VIEW"))
    assert found(judged(object_type_mapping=tables)) == set()
    assert found(judged(object_type_mapping=tables, constraints=[])) == {("ORACLE_NO_PRIMARY_KEY", "HR.T")}


class TestCode:
    def test_comments_and_constants_are_no_code(self):
        text = "a -- CONNECT BY\n/* GOTO\n x */ 'ROWNUM\n' || q'[it's\n\n(+)]' || nq'{MERGE INTO}' || \"ROWID\" || ''''"
        kept = bare(text)
        assert kept.count("\n") == text.count("\n")
        assert not any(word in kept for word in ("CONNECT", "GOTO", "ROWNUM", "(+)", "MERGE"))
        assert '"ROWID"' in kept

    @pytest.mark.parametrize("text", ["'never ends", "/* never ends", "q'[never ends", 'x "never ends', "--", "q'", ""])
    def test_what_is_cut_off_is_read_to_its_end(self, text: str):
        assert bare(text).count("\n") == text.count("\n")

    @pytest.mark.parametrize("name", [construct.name for construct in CONSTRUCTS])
    def test_a_construct_is_found_however_it_is_written(self, name: str):
        """Each has an example, which raises it and no other that somebody would have to rewrite."""
        (construct,) = [one for one in CONSTRUCTS if one.name == name]
        told = list(occurrences(bare(EXAMPLES[name])))
        assert name in [one.construct.name for one in told]
        assert constructs(EXAMPLES[name]) == ({construct.issue_id} if construct.issue_id else set())

    @pytest.mark.parametrize(
        "text",
        [
            "connect_by := 1",
            "rownumber := row_number() over ()",
            "on commit preserve rows",
            "dbms_output.put_line(x)",
            "my_dbms.run",
            "open c for select 1 from dual",
            "update t set (a, b) = (select 1, 2 from dual)",
            "x := 'a@b'",
            "merged into",
            "a := a || b",
            "when x = 'a''' then",
        ],
    )
    def test_what_only_looks_like_one_is_none(self, text: str):
        assert constructs(text) == set()

    def test_what_a_package_keeps_for_the_session_is_told_from_what_it_declares(self):
        source = (
            "package p as\n type t is table of number;\n subtype s is number; c constant number := 1;\n"
            " e exception; pragma exception_init(e, -1); cursor k is select 1 from dual;\n g_rows number := 0;\n"
            ' "Odd" varchar2(10);\n procedure r(x number);\n g_late number;\nend;'
        )
        assert package_variables(CodeObject("HR", "PACKAGE", "P", source)) == ["g_rows", '"Odd"']
        body = "package body p is\n procedure r(x number) is v number; begin null; end;\nend;"
        assert package_variables(CodeObject("HR", "PACKAGE BODY", "P", body)) == []

    def test_lines_come_in_any_order_and_belong_to_their_object(self):
        rows = code("FUNCTION", "F", "function f return number is\nbegin\n goto x;\nend;")
        (one,) = [one for one in judged(code_sources=list(reversed(rows))).findings if one.issue_id == "ORACLE_GOTO"]
        assert (one.object_name, one.details["Lines"], one.statement) == ("HR.F", [3], "goto x;")
        assert one.category == "unsupported_plpgsql_objects"

    @pytest.mark.parametrize("header", ["wrapped\na000000\n1f\nabcd", "WRAPPED \na000000"])
    def test_wrapped_code_is_told_and_its_text_is_not_read(self, header: str):
        answer = judged(code_sources=code("PROCEDURE", "P", f"procedure p {header}\nconnect by goto"))
        assert found(answer) == {("ORACLE_WRAPPED_CODE", "HR.P")}


class TestEffort:
    def test_nothing_to_rewrite_is_low(self):
        answer = judged(
            object_type_mapping=objects(("T", "TABLE")),
            code_sources=code("FUNCTION", "F", "function f is begin return 1; end;"),
        )
        assert answer.complexity.level == LOW
        assert "Nothing in 1 code object" in answer.complexity.explanation

    def test_a_little_to_rewrite_is_medium_and_more_than_five_days_are_high(self):
        one = "procedure p is begin commit; fetch c bulk collect into x; end;"
        few = judged(code_sources=code("PROCEDURE", "P", one)).complexity
        many = judged(
            code_sources=[row for number in range(60) for row in code("PROCEDURE", f"P{number}", one)]
        ).complexity
        assert (few.level, many.level) == (MEDIUM, HIGH)
        assert many.effort_days is not None
        assert few.effort_days is not None
        # A test, the size, COMMIT and BULK COLLECT for each, and the procedures themselves: 10 units of five minutes.
        assert many.effort_days == pytest.approx(60 * (2 + 1 + 1 + 5 + 1) / 84, abs=0.05)
        assert "60 of 60" in many.explanation

    def test_long_code_costs_by_its_length_without_comments(self):
        def days(text: str) -> float:
            return sum(one.days for one in judged(code_sources=code("FUNCTION", "F", text)).complexity.effort)

        short = "function f return number is begin return 1; end;"
        assert days(short + "\n-- " + "x" * 50000) == days(short)
        assert days(short + "\n" + "x := y;\n" * 8000) > days(short) + 0.5

    def test_code_that_was_not_collected_makes_no_estimate(self):
        assert judged(object_type_mapping=objects(("T", "TABLE"))).complexity.level == NOT_AVAILABLE
        assert judged(object_type_mapping=objects(("T", "TABLE")), code_sources=[]).complexity.level == LOW

    def test_many_objects_of_a_kind_cost_no_more_than_its_limit(self):
        tables = objects(*((f"T{number}", "TABLE") for number in range(20000)))
        (effort,) = judged(object_type_mapping=tables, code_sources=[]).complexity.effort
        assert (effort.kind, effort.count, effort.days) == ("TABLE", 20000, 8.0)


def test_names_of_a_database_cannot_move_a_terminal():
    answer = judged(object_type_mapping=objects(("A\x1b[2J", "TABLE"), ("I\x1b", "NORMAL/REV INDEX")), constraints=[])
    assert answer.findings
    assert not any(
        "\x1b" in text for one in answer.findings for text in _texts([one.object_name, *one.details.values()])
    )
    assert not any("\x1b" in name for one in answer.objects for name in one.names)


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def test_tables_whose_rows_were_never_counted_are_told_with_what_counts_them():
    rows = [{"schema_name": "HR", "table_name": name, "row_count": count} for name, count in (("A", None), ("B", 0))]
    (missing,) = judged(table_row_counts=rows).missing
    assert (missing.what, missing.sql) == ("The rows of 1 table", "BEGIN DBMS_STATS.GATHER_SCHEMA_STATS('HR'); END;")


def test_rows_written_are_a_rate_since_statistics_were_gathered():
    row = {"schema_name": "HR", "table_name": "T", "inserts": 50, "updates": 40, "deletes": 10,
           "counted_since": "2026-11-01T00:00:00", "counted_until": "2026-11-01T00:00:10"}  # fmt: skip
    never = {**row, "table_name": "N", "counted_since": None}
    assert judged(table_modifications=[row, never]).facts["writes"] == [
        {"table": "HR.T", "rows_per_second": 10.0, "seconds": 10}
    ]


@pytest.mark.parametrize(("characters", "said"), [("AL32UTF8", False), ("WE8MSWIN1252", True)])
def test_a_character_set_that_has_to_be_converted_is_noted(characters: str, said: bool):
    answer = judged(database_parameters=[{"parameter": "NLS_CHARACTERSET", "parameter_value": characters}])
    assert any(characters in note.text for note in answer.notes) is said
