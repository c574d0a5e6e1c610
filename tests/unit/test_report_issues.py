"""Issues as readers see them: grouped, ranked, each with its schema, versions and details in words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.assessed_shop import foreign, shop
from voyager.assessment.report_issues import (
    counts_by_category,
    hardest,
    issue_groups,
    issue_rows,
    safe_link,
)
from voyager.assessment.report_json import report_document
from voyager.assessment.report_tables import busiest, measured_rows, reads_by_node, weights


def rows(*issues: dict[str, Any], schemas: tuple[str, ...] = ()) -> Any:
    return issue_rows({"SchemaSummary": {"SchemaNames": list(schemas)}, "AssessmentIssues": list(issues)})


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("public.orders", "public"),
        ("public.orders.total", "public"),
        ("idx ON sales.orders", "sales"),
        ('"Odd ON name" ON public.orders', "public"),
        ('"Sales Data".orders', "Sales Data"),
        ("Sales Data.orders.total", "Sales Data"),
        ("sales.eu.orders", "sales.eu"),
        ("public.orders, constraint: (orders_pkey)", "public"),
        ("other.orders", ""),
        ("publication", ""),
        ("", ""),
    ],
)
def test_the_schema_of_an_object_is_found_in_every_form_of_its_name(name: str, schema: str):
    (row,) = rows({"ObjectName": name}, schemas=("public", "sales", "sales.eu", "Sales Data"))
    assert row.schema == schema


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ({"ColumnName": "a"}, ("Column name", "a")),
        ({"RecommendedSQL": "x"}, ("Recommended SQL", "x")),
        ({"ExistingIndexSQLStatement": "x"}, ("Existing index SQL statement", "x")),
        ({"FunctionNames": ["f", "g"]}, ("Function names", "f, g")),
        ({"PrimaryKeyColumnOptions": [["a", "b"], ["c"]]}, ("Primary key column options", "(a, b) or (c)")),
        ({"Cardinality": 3}, ("Cardinality", "3")),
        ({"": None}, ("", "")),
    ],
)
def test_details_are_said_in_words(details: dict[str, Any], said: tuple[str, str]):
    (row,) = rows({"Details": details})
    assert row.details == (said,)


@pytest.mark.parametrize(("impact", "level"), [("LEVEL_1", 1), ("LEVEL_3", 3), ("-", 0), ("LEVEL_9", 0), (None, 0)])
def test_an_impact_that_is_not_given_is_not_rated(impact: str | None, level: int):
    (row,) = rows({"Impact": impact})
    assert row.impact == level


@pytest.mark.parametrize(
    ("address", "safe"),
    [
        ("https://docs.example/a#b", True),
        ("HTTP://docs.example/", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//docs.example", False),
        ('https://x.example/" onclick="', False),
        ("https://x.example/<b>", False),
        (None, False),
        (7, False),
    ],
)
def test_only_web_addresses_are_followed(address: object, safe: bool):
    assert bool(safe_link(address)) == safe


def test_groups_come_by_category_then_the_hardest_then_the_most():
    def issue(category: str, type_: str, impact: int) -> dict[str, Any]:
        return {"Category": category, "Type": type_, "Impact": f"LEVEL_{impact}"}

    found = rows(
        issue("performance_optimizations", "P", 1),
        issue("something_new", "N", 3),
        issue("unsupported_features", "A", 1),
        issue("unsupported_features", "B", 1),
        issue("unsupported_features", "B", 1),
        issue("unsupported_features", "C", 3),
        issue("unsupported_datatypes", "D", 1),
        issue("migration_caveats", "B", 1),
    )
    groups = issue_groups(found)
    assert [group.type for group in groups] == ["D", "C", "B", "A", "B", "P", "N"]
    assert [len(group.rows) for group in groups] == [1, 1, 2, 1, 1, 1, 1]
    assert [group.type for group in hardest(groups)][:3] == ["C", "N", "B"]


def test_what_all_issues_of_a_type_say_is_said_once_and_what_differs_by_each():
    same, other = (
        issue_groups(rows(*({"Type": "T", "Reason": reason, "Advice": "Do it."} for reason in reasons)))[0]
        for reasons in (("One.", "One."), ("One.", "Two."))
    )
    assert (same.reason, same.advice) == ("One.", "Do it.")
    assert (other.reason, other.advice) == ("", "Do it.")


def test_nothing_is_lost_in_grouping_and_counting():
    found = issue_rows(report_document(shop()))
    assert len(found) == len(shop().findings)
    assert sorted(row.number for group in issue_groups(found) for row in group.rows) == [row.number for row in found]
    assert sum(sum(levels.values()) for levels in counts_by_category(found).values()) == len(found)


def test_a_table_weighs_what_it_and_its_indexes_weigh():
    found = weights(measured_rows(report_document(shop())))
    parts = [one for one in shop().statistics if "public.orders" in (one.qualified, one.parent_table)]
    (orders,) = (weight for weight in found if weight.table.qualified == "public.orders")
    assert orders.whole == sum(one.size_bytes or 0 for one in parts)
    assert orders.indexes == len(parts) - 1
    assert [weight.whole for weight in found] == sorted((weight.whole for weight in found), reverse=True)
    assert len(found) == sum(not one.is_index for one in shop().statistics)


def test_load_is_exact_where_our_report_has_it_and_whole_where_another_has_not():
    ours = {row.qualified: row for row in measured_rows(report_document(shop()))}
    assert ours["public.orders"].reads == 3_310.5
    (books,) = measured_rows(foreign())
    assert (books.reads, books.writes, books.strategy) == (None, 2, "sharded")


def test_reads_by_node_are_summed_over_tables():
    found = reads_by_node(measured_rows(report_document(shop())))
    assert found == {"primary": 2_500.0, "replica-1": 1_200.0, "replica-2": 490.5}


def test_only_what_has_load_is_busy():
    names = [row.qualified for row in busiest(measured_rows(report_document(shop())))]
    assert names[:2] == ["public.orders", "public.events"]
    assert "billing.never_measured" not in names
