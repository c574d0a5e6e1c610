"""What the texts that are sent to MySQL servers ask of servers that cannot be run here, and what the answers lack."""

from __future__ import annotations

import csv
import re

import pytest
import sqlglot
from sqlglot import exp

from voyager.assessment.scripts import plan_scripts
from voyager.sources import gaps_of, questions_of, render_scripts
from voyager.sources.mysql.metadata import QUESTIONS, schema_list, text

# The dictionary of MySQL 5.7, whose columns all later servers have; below it what others have on top.
_DICTIONARY = {
    "tables": "table_catalog table_schema table_name table_type engine version row_format table_rows avg_row_length "
    "data_length max_data_length index_length data_free auto_increment create_time update_time check_time "
    "table_collation checksum create_options table_comment",
    "columns": "table_catalog table_schema table_name column_name ordinal_position column_default is_nullable "
    "data_type character_maximum_length character_octet_length numeric_precision numeric_scale datetime_precision "
    "character_set_name collation_name column_type column_key extra privileges column_comment generation_expression",
    "statistics": "table_catalog table_schema table_name non_unique index_schema index_name seq_in_index column_name "
    "collation cardinality sub_part packed nullable index_type comment index_comment",
    "table_constraints": "constraint_catalog constraint_schema constraint_name table_schema table_name constraint_type",
    "key_column_usage": "constraint_catalog constraint_schema constraint_name table_catalog table_schema table_name "
    "column_name ordinal_position position_in_unique_constraint referenced_table_schema referenced_table_name "
    "referenced_column_name",
    "referential_constraints": "constraint_catalog constraint_schema constraint_name unique_constraint_catalog "
    "unique_constraint_schema unique_constraint_name match_option update_rule delete_rule table_name "
    "referenced_table_name",
    "partitions": "table_catalog table_schema table_name partition_name subpartition_name partition_ordinal_position "
    "subpartition_ordinal_position partition_method subpartition_method partition_expression subpartition_expression "
    "partition_description table_rows avg_row_length data_length max_data_length index_length",
    "views": "table_catalog table_schema table_name view_definition check_option is_updatable definer security_type",
    "triggers": "trigger_catalog trigger_schema trigger_name event_manipulation event_object_schema event_object_table "
    "action_order action_statement action_timing sql_mode definer",
    "routines": "specific_name routine_schema routine_name routine_type data_type dtd_identifier routine_body "
    "routine_definition external_language is_deterministic sql_data_access security_type sql_mode definer",
    "parameters": "specific_schema specific_name ordinal_position parameter_mode parameter_name data_type "
    "dtd_identifier routine_type",
    "events": "event_schema event_name definer event_definition event_type execute_at interval_value interval_field "
    "sql_mode starts ends status on_completion",
    "engines": "engine support comment transactions xa savepoints",
    "schemata": "catalog_name schema_name default_character_set_name default_collation_name sql_path",
    "user_privileges": "grantee table_catalog privilege_type is_grantable",
    "schema_privileges": "grantee table_catalog table_schema privilege_type is_grantable",
    "table_privileges": "grantee table_catalog table_schema table_name privilege_type is_grantable",
    "table_io_waits_summary_by_table": "object_type object_schema object_name count_fetch count_insert count_update "
    "count_delete",
    "table_io_waits_summary_by_index_usage": "object_type object_schema object_name index_name count_fetch",
    "events_statements_summary_by_digest": "schema_name digest digest_text count_star sum_timer_wait min_timer_wait "
    "avg_timer_wait max_timer_wait sum_rows_affected sum_rows_sent sum_rows_examined",
    "setup_instruments": "name enabled timed",
    "setup_consumers": "name enabled",
    "func": "name ret dl type",
}
_MYSQL_8 = {
    "statistics": "is_visible expression",
    "table_constraints": "enforced",
    "check_constraints": "constraint_catalog constraint_schema constraint_name check_clause",
    "column_statistics": "schema_name table_name column_name histogram",
    "columns": "srs_id",
}
_MARIADB = {
    "statistics": "ignored",
    "check_constraints": "constraint_catalog constraint_schema table_name constraint_name level check_clause",
    "columns": "is_generated",
    "table_statistics": "table_schema table_name rows_read rows_changed rows_changed_x_indexes",
    "index_statistics": "table_schema table_name index_name rows_read",
}
SERVERS = {
    "MySQL 5.7": (50744, False, {}),
    "MySQL 8.0.36": (80036, False, _MYSQL_8),
    "MySQL 9.4": (90400, False, _MYSQL_8),
    "MariaDB 10.11": (101119, True, _MARIADB),
}
_COMMENT = re.compile(r"/\*(M?)!(\d{5,6})(.*?)\*/|/\*.*?\*/", re.DOTALL)


def seen_by(sql: str, version: int, *, mariadb: bool) -> str:
    """The text as the server reads it: version comments for it become text, the others vanish."""

    def chosen(found: re.Match[str]) -> str:
        if not found[2]:
            return ""
        number = int(found[2])
        # MariaDB passes MySQL's own over from 5.7 on.
        ours = bool(found[1]) == mariadb or (mariadb and number < 50700)
        return found[3] if ours and version >= number else ""

    return _COMMENT.sub(chosen, sql)


def unknown_columns(sql: str, more: dict[str, str]) -> list[str]:
    """Columns that the server's dictionary does not have, by the aliases of the tables that they are read from."""
    known = {name: set(columns.split()) for name, columns in _DICTIONARY.items()}
    for name, columns in more.items():
        known.setdefault(name, set()).update(columns.split())
    wrong = []
    tree = sqlglot.parse_one(sql, read="mysql")
    for select in tree.find_all(exp.Select):
        tables = {one.alias: one.name.lower() for one in select.find_all(exp.Table) if one.parent_select is select}
        wrong += [f"{name} does not exist" for name in tables.values() if name not in {*known, "dual"}]
        for column in select.find_all(exp.Column):
            if column.parent_select is select and column.table in tables:
                table = tables[column.table]
                if column.name.lower() not in known.get(table, ()) and table != "dual":
                    wrong.append(f"{table}.{column.name}")
    return wrong


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("name", sorted({*(question.name for question in QUESTIONS), "database"}))
def test_a_question_asks_only_for_what_the_dictionary_of_a_version_has(name: str, server: str):
    version, mariadb, more = SERVERS[server]
    sql = {question.name: question.sql for question in QUESTIONS}.get(name) or text("database")
    assert unknown_columns(seen_by(sql, version, mariadb=mariadb), more) == []


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_an_answer_has_the_columns_of_its_question_on_every_version(question, server: str):
    version, mariadb, _ = SERVERS[server]
    tree = sqlglot.parse_one(seen_by(question.sql, version, mariadb=mariadb), read="mysql")
    selects = tree.selects if isinstance(tree, exp.Select) else tree.this.selects
    assert tuple(one.alias_or_name for one in selects) == question.columns
    assert set(question.numbers) <= set(question.columns)


def test_a_column_that_only_later_versions_have_would_be_noticed():
    asked = "SELECT s.expression, s.table_name FROM information_schema.statistics s"
    assert unknown_columns(asked, {}) == ["statistics.expression"]
    assert unknown_columns(asked, _MYSQL_8) == []
    assert unknown_columns("SELECT h.histogram FROM information_schema.column_statistics h", {}) != []


@pytest.mark.parametrize(
    ("server", "holds"),
    [
        ("MySQL 5.7", "COALESCE( NULL) AS expression"),
        ("MySQL 8.0.36", "COALESCE( s.expression,  NULL) AS expression"),
        ("MariaDB 10.11", "COALESCE( NULL) AS expression"),
    ],
)
def test_the_expression_of_an_index_is_asked_of_servers_that_have_one(server: str, holds: str):
    version, mariadb, _ = SERVERS[server]
    sql = next(question.sql for question in QUESTIONS if question.name == "indexes")
    assert holds in seen_by(sql, version, mariadb=mariadb)


def test_the_session_only_reads_and_leaves_no_statistics_behind():
    session = seen_by(text("session"), 80036, mariadb=False)
    assert "SET SESSION TRANSACTION READ ONLY" in session
    assert "information_schema_stats_expiry = 0" in session
    assert "max_statement_time" not in session
    assert "max_statement_time" in seen_by(text("session"), 101119, mariadb=True)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_no_question_reads_a_table_of_the_application_or_writes(question):
    for version, mariadb, _ in SERVERS.values():
        tree = sqlglot.parse_one(seen_by(question.sql, version, mariadb=mariadb), read="mysql")
        assert not list(tree.find_all(exp.Insert, exp.Update, exp.Delete, exp.Create, exp.Drop, exp.Into))
        schemas = {one.db.lower() for one in tree.find_all(exp.Table) if one.name.upper() != "DUAL"}
        assert schemas <= {"information_schema", "performance_schema", "mysql"}


def test_names_of_databases_travel_whatever_they_hold():
    assert schema_list(("shop", "a|b", "50%")) == "shop|a%7Cb|50%25"


# Scripts -----------------------------------------------------------------------------------------


def test_every_question_has_a_script_that_holds_its_text_unchanged():
    scripts = render_scripts("mysql")
    for question in questions_of("mysql"):
        script = scripts[f"my_{question.name.replace('-', '_')}.sql"]
        assert question.sql in script
        assert f"SELECT '{','.join(question.columns)}' AS yb_voyager;" in script
        assert f" {question.name} {'required' if question.required else 'optional'} " in scripts["my_collect.sh"]


def test_the_readme_names_every_privilege_as_sql():
    readme = render_scripts("mysql")["README.md"]
    for grant in ("SHOW VIEW", "TRIGGER", "EVENT", "SHOW_ROUTINE", "mysql.proc", "performance_schema"):
        assert re.search(rf"GRANT .*{re.escape(grant)}.*TO 'assessor'", readme), grant
    assert {"README.md", "manifest.json", "my_collect.sh", "my_database.sql"} <= set(plan_scripts("mysql"))


# What is missing ---------------------------------------------------------------------------------


def facts(*privileges: list[str], **more):
    return {"schemas": ["shop"], "account": "dba@%", "privileges": list(privileges), "performance_schema": 1, **more}


ALL = (["shop", "SELECT"], ["shop", "SHOW VIEW"], ["shop", "TRIGGER"], ["shop", "EVENT"], ["mysql.proc", "SELECT"])


def test_an_account_that_may_see_everything_lacks_nothing():
    assert gaps_of("mysql", facts(*ALL)) == []
    assert gaps_of("mysql", facts(*[["*", one] for one in ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")])) == []
    # What was collected by scripts that tell nothing of privileges claims nothing.
    assert gaps_of("mysql", {"schemas": ["shop"]}) == []


@pytest.mark.parametrize(
    ("without", "what", "sql"),
    [
        ("TRIGGER", "Triggers of shop", "GRANT TRIGGER ON `shop`.* TO 'dba'@'%';"),
        ("EVENT", "Events of shop", "GRANT EVENT ON `shop`.* TO 'dba'@'%';"),
    ],
)
def test_a_missing_privilege_is_named_with_its_grant(without: str, what: str, sql: str):
    [gap] = gaps_of("mysql", facts(*[one for one in ALL if one[1] != without]))
    assert (gap.what, gap.sql) == (what, sql)


def test_routines_are_hidden_without_their_own_privilege():
    [gap] = gaps_of("mysql", facts(*ALL[:4], show_routine_privilege="SHOW_ROUTINE"))
    assert gap.sql == "GRANT SHOW_ROUTINE ON *.* TO 'dba'@'%';"
    [gap] = gaps_of("mysql", facts(*ALL[:4], show_routine_privilege=""))
    assert gap.sql == "GRANT SELECT ON mysql.proc TO 'dba'@'%';"
    [gap] = gaps_of("mysql", facts(*ALL, routines_hidden=2))
    assert gap.what == "The bodies of 2 routines"


def test_without_a_privilege_on_the_database_its_tables_are_not_all_shown():
    found = gaps_of("mysql", facts(["mysql.proc", "SELECT"], roles="reader"))
    assert found[0].what == "Tables and views of shop"
    assert "role reader" in found[0].reason


@pytest.mark.parametrize(
    ("pattern", "covered"),
    [("shop", True), ("sh%", True), ("s__p", True), ("shop\\_%", False), ("shoP", False), ("shop.t", False)],
)
def test_grants_of_databases_are_patterns(pattern: str, covered: bool):
    privileges = [[pattern, one] for one in ("SELECT", "SHOW VIEW", "TRIGGER", "EVENT")]
    found = gaps_of("mysql", facts(*privileges, ["mysql", "SELECT"]))
    assert (found == []) is covered


def test_a_server_that_counts_nothing_is_named_with_what_it_weakens():
    off = facts(*ALL, performance_schema=0, userstat=0)
    assert [gap.what for gap in gaps_of("mysql", off)] == ["Reads and writes", "Queries"]
    assert {name for gap in gaps_of("mysql", off) for name in gap.questions} == {
        "table-index-iops-initial",
        "table-index-iops-final",
        "table-index-usage-stats",
        "db-queries-summary",
    }
    # MariaDB's user statistics count rows, but keep no statements.
    assert [gap.what for gap in gaps_of("mysql", {**off, "userstat": 1})] == ["Queries"]


def test_hostile_names_are_quoted_in_grants():
    hostile = {**facts(), "schemas": ["a`b; DROP"], "account": "o'hara@%"}
    sql = gaps_of("mysql", hostile)[0].sql
    assert sql == "GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON `a``b; DROP`.* TO 'o''hara'@'%';"


def test_the_header_of_a_script_is_the_record_that_a_reader_expects():
    script = render_scripts("mysql")["my_tables.sql"]
    header = re.search(r"^SELECT '(.*)' AS yb_voyager;$", script, re.MULTILINE)
    assert header is not None
    [names] = csv.reader([header[1]])
    assert tuple(names) == next(question.columns for question in QUESTIONS if question.name == "tables")
