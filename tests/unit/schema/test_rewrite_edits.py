"""One clause put into a statement: composed from hostile parts, held against the same statement composed with it."""

from __future__ import annotations

from itertools import product

import pytest

from voyager.schema.edits import CannotEdit, with_own_tablets, with_ranges
from voyager.schema.parse import parse
from voyager.schema.shape import shape

NAMES = ("t", "s.t", '"Odd S"."with ("', "tablespace", '"on"."a;b--"', 's."/* "')
BODIES = (
    "(a int)",
    "()",
    '(a int DEFAULT 1, "with" text DEFAULT \'with (\' CHECK ("with" <> \') with (\'), CONSTRAINT "as" UNIQUE (a) WITH '
    "(fillfactor=70))",
    "(a int, -- with (\n b int /* ) on commit drop */, EXCLUDE USING gist (b WITH =))",
    "(LIKE s.other INCLUDING ALL) INHERITS (s.parent, tablespace)",
    "OF s.kind (a WITH OPTIONS DEFAULT 3)",
    "PARTITION OF tablespace FOR VALUES WITH (MODULUS 4, REMAINDER 0)",
    "PARTITION OF s.p (a DEFAULT 1) FOR VALUES FROM ('with (', MINVALUE) TO (MAXVALUE, 3)",
    "PARTITION OF s.p DEFAULT",
)
PARTITIONING = ("", "PARTITION BY RANGE (a, (lower('with (')))", 'PARTITION BY HASH ("on" tablespace.ops)')
STORAGE = ("", "(fillfactor=70)", "(\"autovacuum_enabled\"='false', toast.autovacuum_enabled=false)")
TABLESPACES = ("", "TABLESPACE tablespace", 'TABLESPACE "with ("')
INSERTIONS = ("\nWITH (colocation = false)", "WITH (colocation = false) ", " WITH (colocation = false)",
              "colocation = false, ")  # fmt: skip


def joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def storage(options: str) -> str:
    return f"WITH {options}" if options else ""


def not_colocated(options: str) -> str:
    return f"WITH (colocation=false, {options[1:]}" if options else "WITH (colocation=false)"


def check(text: str, by_hand: str) -> None:
    edited = with_own_tablets(text)
    assert shape(parse(edited)) == shape(parse(by_hand)), edited
    assert text in {edited.replace(inserted, "", 1) for inserted in INSERTIONS}
    assert with_own_tablets(edited) == edited


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("body", BODIES)
def test_a_table_gets_tablets_of_its_own_and_stays_what_it_is(name: str, body: str) -> None:
    for partitioning, options, tablespace in product(PARTITIONING, STORAGE, TABLESPACES):
        if partitioning and body == "OF s.kind (a WITH OPTIONS DEFAULT 3)":
            continue
        head = joined("CREATE TABLE", name, body, partitioning)
        text = joined(head, storage(options), tablespace)
        check(text, joined(head, not_colocated(options), tablespace))


QUERIES = (
    "SELECT 1 AS a",
    "WITH x AS (SELECT 'with (') SELECT * FROM x AS tablespace WITH NO DATA",
    "VALUES (1, 'as')",
    "TABLE s.t WITH DATA",
)


@pytest.mark.parametrize("query", QUERIES)
def test_a_materialized_view_gets_tablets_of_its_own_and_keeps_its_query(query: str) -> None:
    columns = ("", '(a, "as", "with (")')
    for name, names, method, options, tablespace in product(NAMES, columns, ("", "USING heap"), STORAGE, TABLESPACES):
        head, tail = joined("CREATE MATERIALIZED VIEW", name, names, method), joined(tablespace, "AS", query)
        check(joined(head, storage(options), tail), joined(head, not_colocated(options), tail))


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a int) WITH (colocation=false)",
        "CREATE TABLE t (a int) WITH (fillfactor=70, COLOCATION = 'false')",
        "CREATE TABLE t (a int) WITH (colocated = false)",
    ],
)
def test_a_table_that_says_so_already_is_not_touched(text: str) -> None:
    assert with_own_tablets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE t (a int) WITH (colocation)",
        "CREATE TABLE t (a int) WITH (colocation = true)",
        "CREATE TABLE t (a int) WITHOUT OIDS",
        "CREATE TEMPORARY TABLE t (a int) ON COMMIT DROP",
        "CREATE FOREIGN TABLE t (a int) SERVER s",
        "CREATE VIEW t AS SELECT 1",
        "CREATE TABLE t (a int",
        "ALTER TABLE t ADD COLUMN a int",
    ],
)
def test_a_statement_that_the_option_does_not_fit_is_refused_not_damaged(text: str) -> None:
    with pytest.raises(CannotEdit, match=r"^it "):
        with_own_tablets(text)


HEADS = (
    "CREATE INDEX i ON t",
    'CREATE UNIQUE INDEX "(," ON ONLY "S)"."t(" USING btree',
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS nulls ON s.t",
    "CREATE INDEX ON /* ( */ s.t -- (\n USING btree",
)
KEYS = ("a", '"a,b)"', '"asc"', "nulls", "lower(a)", "((a || ', nulls first') COLLATE \"C\")", "((ARRAY[a, b])[1])",
        "((a,b) = (b,a))", "f(a, (b, c), ')')")  # fmt: skip
AFTER_KEYS = ("", 'COLLATE "C,"', "text_pattern_ops", "COLLATE pg_catalog.\"C\" s.ops (x=')')")
NULLS = ("", "NULLS FIRST", "NULLS LAST")
TAILS = ("", "INCLUDE (c) NULLS NOT DISTINCT WITH (fillfactor=70) TABLESPACE x WHERE a > 0 AND (b) IS NOT NULL")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("key", KEYS)
def test_an_index_gets_an_order_for_its_first_key_alone(head: str, key: str) -> None:
    for more, nulls, others, tail in product(AFTER_KEYS, NULLS, ("", ", b DESC", ", (lower(b)), c"), TAILS):
        text = f"{head} ({joined(key, more, nulls)}{others}) {tail}".rstrip()
        edited = with_ranges(text)
        assert shape(parse(edited)) == shape(parse(f"{head} ({joined(key, more, 'ASC', nulls)}{others}) {tail}"))
        assert text in {edited.replace(" ASC", "", 1), edited.replace("ASC ", "", 1)}
        assert with_ranges(edited) == edited


@pytest.mark.parametrize("text", ["CREATE INDEX i ON t (a ASC)", "CREATE INDEX i ON t (a DESC NULLS LAST, b)"])
def test_an_index_with_an_order_is_not_touched(text: str) -> None:
    assert with_ranges(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "CREATE INDEX i ON t USING gin (a)",
        "CREATE INDEX i ON t USING hash (a)",
        "CREATE TABLE t (a int)",
        "CREATE INDEX i ON t (a",
        "ALTER INDEX i RENAME TO j",
    ],
)
def test_what_is_no_btree_index_is_refused(text: str) -> None:
    with pytest.raises(CannotEdit, match=r"^it "):
        with_ranges(text)
