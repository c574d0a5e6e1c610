"""The comparison of schemas without a server: what is said of two sides, how it is judged, which SQL means the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from voyager.phases.ddl.same_meaning import same_meaning
from voyager.verification.schema import questions
from voyager.verification.schema.ask import Side
from voyager.verification.schema.classes import RULES, Situation, judge
from voyager.verification.schema.compare import Comparison
from voyager.verification.schema.intended import Intended, Written, read_intended
from voyager.verification.schema.kinds import KINDS
from voyager.verification.schema.objects import (
    CLASSES,
    EXISTENCE,
    Change,
    Key,
    Kind,
    Objects,
    label,
    without_arguments,
)

BY_NAME = {kind.name: kind for kind in KINDS}
NOTE = Key("public", "orders", "orders_note")
PLAIN, YUGABYTE = Side(150000), Side(110002, yugabyte=True)


def changes(
    kind: str, names: tuple[str, ...], here: dict[Key, Any], there: dict[Key, Any], **seen: Any
) -> list[Change]:
    comparison = Comparison(seen.get("version", 150000), same_meaning)
    comparison.common |= {("relation", "public", "orders")}
    return list(comparison.changes(BY_NAME[kind], Objects(names, here), Objects(names, there)))


def judged(kind: str, fact: str, source: Any, target: Any, **known: Any) -> str:
    change = Change(BY_NAME[kind], known.get("key", NOTE), fact, source, target, known.get("facts", {}))
    situation = Situation(PLAIN, known.get("side", PLAIN), known.get("intended", Intended()))
    return judge(change, situation)[0]


def test_every_question_has_a_kind_and_every_kind_a_question() -> None:
    asked = {path.stem for path in Path(questions.__file__).parent.glob("*.sql")}
    assert asked == {kind.question for kind in KINDS}


def test_every_rule_is_about_a_kind_and_has_a_reason() -> None:
    assert {rule.kind for rule in RULES} <= BY_NAME.keys()
    assert all(rule.why and rule.classed in CLASSES for rule in RULES)


def test_a_missing_whole_is_said_once_and_its_parts_are_not() -> None:
    gone = Key("public", "gone", "a")
    assert changes("column", ("data_type",), {gone: ("text",)}, {}) == []
    found = changes("column", ("data_type",), {NOTE: ("text",)}, {})
    assert [(one.key, one.fact, one.source, one.target) for one in found] == [(NOTE, EXISTENCE, True, False)]


def test_every_fact_that_differs_is_named() -> None:
    found = changes(
        "column", ("data_type", "not_null", "storage"), {NOTE: ("text", True, None)}, {NOTE: ("date", False, None)}
    )
    assert [one.fact for one in found] == ["data_type", "not_null"]


def test_a_fact_that_one_server_cannot_know_is_not_compared() -> None:
    here, there = {NOTE: ("pglz",)}, {NOTE: (None,)}
    assert changes("column", ("compression",), here, there, version=130000) == []
    assert len(changes("column", ("compression",), here, there, version=140000)) == 1


def test_the_index_of_a_constraint_is_not_missed_beside_it() -> None:
    assert changes("index", ("of_constraint",), {NOTE: ("orders_pkey",)}, {}) == []
    assert len(changes("index", ("of_constraint",), {NOTE: (None,)}, {})) == 1


def test_columns_in_another_order_are_one_change_of_their_table() -> None:
    a, b = Key("public", "orders", "a"), Key("public", "orders", "b")
    (found,) = changes("column", ("data_type",), {a: ("text",), b: ("text",)}, {b: ("text",), a: ("text",)})
    assert (found.kind.name, found.fact, found.source, found.target) == ("relation", "order", ("a", "b"), ("b", "a"))


@pytest.mark.parametrize(
    ("kind", "fact", "source", "target", "classed"),
    [
        ("extension", "version", "1.0", "1.1", "cosmetic"),
        ("extension", "in_schema", "a", "b", "different"),
        ("constraint", "validity", "not valid", "valid", "intended"),
        ("constraint", "validity", "valid", "not valid", "different"),
        ("index", "key_order", ("asc nulls last",), ("desc nulls first",), "different"),
        ("index", "method", "btree", "lsm", "intended"),
        ("index", "method", "gin", "lsm", "different"),
        ("sequence", "cache", 1, 100, "different"),
        ("collation", "provider", "d", "c", "cosmetic"),
        ("collation", "provider", "i", "c", "different"),
    ],
)
def test_a_change_is_classed_by_its_values(kind: str, fact: str, source: Any, target: Any, classed: str) -> None:
    assert judged(kind, fact, source, target) == classed


@pytest.mark.parametrize(
    ("kind", "fact", "source", "target", "classed"),
    [
        ("sequence", "cache", 1, 100, "intended"),
        ("sequence", "cache", 100, 1, "different"),
        ("sequence", "increment", 1, 100, "different"),
        ("index", "key_order", ("asc nulls last", "asc nulls last"), ("hash", "asc nulls last"), "intended"),
        ("index", "key_order", ("desc nulls first",), ("hash",), "different"),
        ("relation", "options", (), ("colocation_id=20001",), "intended"),
        ("relation", "options", ("fillfactor=70",), ("colocation_id=20001",), "different"),
        ("relation", "replica_identity", "default", "c", "intended"),
        ("relation", "replica_identity", "full", "c", "different"),
    ],
)
def test_what_yugabytedb_does_in_its_own_way_is_intended_and_nothing_more(
    kind: str, fact: str, source: Any, target: Any, classed: str
) -> None:
    assert judged(kind, fact, source, target, side=YUGABYTE) == classed


@pytest.mark.parametrize(
    ("kind", "facts", "classed"),
    [
        ("trigger", {}, "different"),
        ("constraint", {}, "different"),
        ("index", {"is_unique": True}, "different"),
        ("index", {"is_unique": False}, "cosmetic"),
        ("column", {"not_null": True}, "different"),
        ("column", {"not_null": True, "default_value": "1"}, "cosmetic"),
        ("column", {"not_null": False}, "cosmetic"),
    ],
)
def test_what_only_the_target_has_counts_when_it_acts_on_rows(kind: str, facts: dict[str, Any], classed: str) -> None:
    assert judged(kind, EXISTENCE, False, True, facts=facts) == classed


INDEX = ("index", "orders_note ON public.orders")


def test_what_the_operator_removed_edited_or_added_is_intended() -> None:
    written, edited = Written(*INDEX, "1"), Written(*INDEX, "2", "indexes/index.sql:3")
    other = Written("table", "public.orders", "9")
    removed = read_intended([written, other], [other])
    assert judged("index", EXISTENCE, True, False, intended=removed) == "intended"
    changed = read_intended([written], [edited])
    assert judged("index", "keys", ("a",), ("b",), intended=changed) == "intended"
    assert judged("index", EXISTENCE, True, False, intended=changed) == "missing"
    added = read_intended([other], [other, written])
    assert judged("index", EXISTENCE, False, True, facts={"is_unique": True}, intended=added) == "intended"
    untouched = read_intended([written], [written])
    assert judged("index", EXISTENCE, True, False, intended=untouched) == "missing"
    assert judged("index", "keys", ("a",), ("b",), intended=untouched) == "different"


ORDERS = """CREATE TABLE public.orders (
    id bigint NOT NULL, note character varying(40) DEFAULT 'new'::character varying, amount numeric(10,2) NOT NULL,
    twice integer GENERATED ALWAYS AS ((id * 2)) STORED, at timestamp with time zone,
    CONSTRAINT amount_is_positive CHECK ((amount > (0)::numeric)))"""


@pytest.mark.parametrize(
    ("edit", "kind", "name", "change", "intended"),
    [
        # What was edited
        (("bigint", "integer"), "column", "id", ("data_type", "bigint", "integer"), True),
        (("character varying(40)", "text"), "column", "note", ("data_type", "character varying(40)", "text"), True),
        (("2) NOT NULL", "2)"), "column", "amount", ("not_null", True, False), True),
        (("2) NOT NULL", "2)"), "constraint", "orders_amount_not_null",
         (EXISTENCE, True, False, {"form": "not null", "definition": "NOT NULL amount"}), True),
        (("'new'", "'old'"), "column", "note", ("default_value", "'new'::character varying", "'old'::text"), True),
        ((" DEFAULT 'new'::character varying", ""), "column", "note",
         ("default_value", "'new'::character varying", None), True),
        (("* 2", "* 3"), "column", "twice", ("default_value", "(id * 2)", "(id * 3)"), True),
        ((" at timestamp with time zone,", ""), "column", "at", (EXISTENCE, True, False), True),
        (("id bigint", "extra text NOT NULL, id bigint"), "column", "extra",
         (EXISTENCE, False, True, {"not_null": True}), True),
        (("> (0)", ">= (0)"), "constraint", "amount_is_positive",
         ("definition", "CHECK ((amount > (0)::numeric))", "CHECK ((amount >= (0)::numeric))"), True),
        ((",\n    CONSTRAINT amount_is_positive CHECK ((amount > (0)::numeric))", ""), "constraint",
         "amount_is_positive", (EXISTENCE, True, False, {"form": "check"}), True),
        (("(0)::numeric))", "(0)::numeric)), UNIQUE (note)"), "constraint", "orders_note_key",
         (EXISTENCE, False, True, {"form": "unique"}), True),
        # What was not, in a statement that was
        (("bigint", "integer"), "column", "note", ("data_type", "character varying(40)", "text"), False),
        (("bigint", "integer"), "column", "id", ("data_type", "bigint", "smallint"), False),
        (("bigint", "integer"), "column", "id", ("not_null", True, False), False),
        (("bigint", "integer"), "column", "at", (EXISTENCE, True, False), False),
        (("bigint", "integer"), "column", "extra", (EXISTENCE, False, True, {"not_null": True}), False),
        (("bigint", "integer"), "column", "note", ("default_value", "'new'::character varying", None), False),
        (("bigint", "integer"), "column", "twice", ("default_value", "(id * 2)", "(id * 3)"), False),
        (("bigint", "integer"), "column", "twice", ("generated", "stored", None), False),
        (("bigint", "integer"), "column", "note", ("storage", None, "external"), False),
        (("bigint", "integer"), "column", "id", ("identity", "always", None), False),
        (("bigint", "integer"), "constraint", "amount_is_positive", (EXISTENCE, True, False, {"form": "check"}), False),
        (("bigint", "integer"), "constraint", "amount_is_positive",
         ("definition", "CHECK ((amount > (0)::numeric))", "CHECK ((amount >= (0)::numeric))"), False),
        (("bigint", "integer"), "constraint", "orders_pkey", (EXISTENCE, True, False, {"form": "primary key"}), False),
        (("bigint", "integer"), "constraint", "more", (EXISTENCE, False, True, {"form": "check"}), False),
        (("bigint", "integer"), "constraint", "orders_amount_not_null",
         (EXISTENCE, True, False, {"form": "not null", "definition": "NOT NULL amount"}), False),
    ],
)  # fmt: skip
def test_of_an_edited_table_only_what_was_edited_is_intended(
    edit: tuple[str, str], kind: str, name: str, change: tuple[Any, ...], intended: bool
) -> None:
    assert edit[0] in ORDERS
    table, key = ("table", "public.orders"), ("primary_key", "orders_pkey ON public.orders")
    identity = ("identity", "public.orders.id")
    written = [Written(*table, "1"), Written(*key, "2"), Written(*identity, "3")]
    files = [Written(*table, "9", "table.sql:1", ORDERS.replace(*edit)), Written(*key, "2"), Written(*identity, "3")]
    known = read_intended(written, files)
    fact, source, target, *facts = change
    found = judged(kind, fact, source, target, key=Key("public", "orders", name), intended=known,
                   facts=facts[0] if facts else {})  # fmt: skip
    assert (found == "intended") is intended


def test_an_edited_table_that_cannot_be_read_explains_all_of_it() -> None:
    written, edited = Written("table", "public.orders", "1"), Written("table", "public.orders", "2", "f:1", "CREATE !")
    known = read_intended([written], [edited])
    assert judged("column", "data_type", "a", "b", key=Key("public", "orders", "c"), intended=known) == "intended"


def test_what_the_export_left_out_or_rewrote_is_intended() -> None:
    known = Written("table", "public.orders", "9")
    left = read_intended([known], [known], not_migrated=[(*INDEX, "redundant by the assessment; kept aside")])
    assert (
        left.reason_for_absence(Change(BY_NAME["index"], NOTE, EXISTENCE, True, False))
        == "redundant by the assessment; kept aside"
    )
    rewritten = read_intended([known], [known], rewritten=[(INDEX[1], "range sharding")])
    order = ("asc nulls last",), ("desc nulls last",)
    assert judged("index", "key_order", *order, intended=rewritten) == "intended"
    assert judged("index", "predicate", "a", "b", intended=rewritten) == "different"


def test_a_constraint_waits_for_finalize_only_where_the_files_say_so() -> None:
    written = Written("not_valid_constraint", 'c ON public."Odd Name"', "1")
    key = Key("public", "Odd Name", "c")
    known = read_intended([written], [written])
    assert judged("constraint", "validity", "valid", "not valid", key=key, intended=known) == "intended"
    assert judged("constraint", "validity", "valid", "not valid", key=NOTE, intended=known) == "different"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("public.f(integer, text)", "public.f"), ('public."f(x)"(integer)', 'public."f(x)"'), ("public.f", "public.f")],
)
def test_a_routine_is_known_without_its_arguments(name: str, expected: str) -> None:
    assert without_arguments(name) == expected


def test_objects_are_called_as_people_write_them() -> None:
    assert label(BY_NAME["column"], Key("public", "Odd Name", "a.b")) == 'public."Odd Name"."a.b"'
    assert label(BY_NAME["index"], NOTE) == "orders_note of public.orders"
    assert label(Kind("schema"), Key("", "", "s")) == "s"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT a FROM s.t WHERE b > 0", "SELECT t.a FROM s.t WHERE (t.b > 0)"),
        ("SELECT a FROM s.t x GROUP BY a ORDER BY a", "SELECT x.a FROM s.t x GROUP BY x.a ORDER BY x.a"),
        (
            "SELECT (c)::text = ANY ((ARRAY['a'::varchar, 'b'::varchar])::text[])",
            "SELECT (c)::text = ANY (ARRAY[('a'::varchar)::text, ('b'::varchar)::text])",
        ),
        ("SELECT  1", "SELECT (1)"),
    ],
)
def test_two_ways_to_print_an_expression_mean_the_same(one: str, other: str) -> None:
    assert same_meaning(one) == same_meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT t.a FROM s.t, s.u", "SELECT u.a FROM s.t, s.u"),
        ("SELECT a FROM s.t", "SELECT a FROM u.t"),
        ("SELECT (SELECT u.a FROM s.t) FROM s.u", "SELECT (SELECT t.a FROM s.t) FROM s.u"),
        ("SELECT ARRAY['a']::text[]", "SELECT ARRAY['a']::varchar[]"),
        ("SELECT a FROM s.t WHERE b > 0", "SELECT a FROM s.t WHERE b >= 0"),
        ("not SQL at all", "nor is this"),
    ],
)
def test_what_means_something_else_stays_different(one: str, other: str) -> None:
    assert same_meaning(one) != same_meaning(other)
