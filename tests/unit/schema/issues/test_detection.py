"""Every DDL issue of the catalogue in each form it can take, and what is close to it and is none."""

from __future__ import annotations

import pytest

from tests.unit.schema.issues import examples_objects, examples_statements, examples_tables, examples_types
from tests.unit.schema.issues.forms import HOSTILE, PLAIN, as_text, variants
from voyager.schema.analyze import Finding, analyze
from voyager.schema.issues.catalogue import ISSUES, by_id, constructs, performance
from voyager.schema.issues.catalogue.leftovers import UNSUPPORTED_PG_SYNTAX
from voyager.schema.issues.issue import PLPGSQL_OBJECTS
from voyager.schema.parse import split
from voyager.schema.statements import classify

EXAMPLES = {
    **examples_tables.EXAMPLES,
    **examples_types.EXAMPLES,
    **examples_objects.EXAMPLES,
    **examples_statements.EXAMPLES,
}
_OF_OTHERS = {issue.id for issue in (*constructs.CONSTRUCTS, *performance.ROWS)}
_OLDEST = "2.14.0.0"
"""A release that has fixed nothing."""


def found(sql: str, *, release: str = _OLDEST) -> list[Finding]:
    return analyze([classify(raw.text, line=raw.line) for raw in split(sql)], release=release)


def release_of(id_: str) -> str:
    """A release that has the issue: the oldest, or the first that has what the issue begins with."""
    begins = by_id(id_).begins_with
    return begins[0].version if begins else _OLDEST


def test_every_issue_of_ddl_has_examples_and_near_misses() -> None:
    expected = {issue.id for issue in ISSUES} - _OF_OTHERS - {UNSUPPORTED_PG_SYNTAX}
    assert EXAMPLES.keys() == expected
    assert all(rule.raises and rule.misses for rule in EXAMPLES.values())


@pytest.mark.parametrize("id_", EXAMPLES)
def test_the_issue_is_found_at_the_right_objects_in_every_form(id_: str) -> None:
    for example in EXAMPLES[id_].raises:
        for variant in variants(example):
            all_found = found(variant.sql, release=release_of(id_))
            at = tuple(finding.object_name for finding in all_found if finding.issue_id == id_)
            assert at == variant.names, f"{variant.form}:\n{variant.sql}"


@pytest.mark.parametrize("id_", EXAMPLES)
def test_what_only_reads_like_the_issue_does_not_raise_it(id_: str) -> None:
    for example in EXAMPLES[id_].raises:
        sql = as_text(example)
        assert [finding.issue_id for finding in found(sql) if finding.issue_id in EXAMPLES] == [], sql


@pytest.mark.parametrize("id_", EXAMPLES)
def test_the_near_miss_does_not_raise_the_issue(id_: str) -> None:
    for statements in EXAMPLES[id_].misses:
        for names in (PLAIN, HOSTILE):
            sql = ";\n".join(statement.format(**names.sql()) for statement in statements)
            issues = [finding.issue_id for finding in found(sql, release=release_of(id_))]
            assert id_ not in issues, sql
            assert UNSUPPORTED_PG_SYNTAX not in issues, sql


@pytest.mark.parametrize("id_", EXAMPLES)
def test_in_a_routine_the_issue_does_not_block_and_is_one_of_procedural_code(id_: str) -> None:
    for example in EXAMPLES[id_].raises:
        if not example.in_routine:
            continue
        *_, variant = variants(example)
        [finding] = [one for one in found(variant.sql, release=release_of(id_)) if one.issue_id == id_]
        assert (finding.object_type, finding.category, finding.blocking) == ("FUNCTION", PLPGSQL_OBJECTS, False)
        line = variant.sql.splitlines()[finding.line - 1]
        assert line.strip().startswith(finding.statement.split()[0]), variant.sql


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("2024.2.8.0", {"UNSUPPORTED_DATATYPE_INT4MULTIRANGE"}),
        ("2025.1.0.0", {"UNSUPPORTED_DATATYPE_LIVE_MIGRATION_INT4MULTIRANGE"}),
    ],
)
def test_where_the_target_has_the_type_only_its_live_migration_is_an_issue(release: str, expected: set[str]) -> None:
    sql = "CREATE TABLE s.t (c int4multirange, d int4range, e text DEFAULT 'int4multirange')"
    findings = found(sql, release=release)
    assert {(finding.issue_id, finding.object_name) for finding in findings} == {(id_, "s.t.c") for id_ in expected}


def test_a_foreign_table_holds_no_row_whose_changes_could_be_missed() -> None:
    sql = "CREATE FOREIGN TABLE s.t (c int4multirange) SERVER x"
    assert {finding.issue_id for finding in found(sql, release="2025.1.0.0")} == {"FOREIGN_TABLE"}
