"""Which indexes another one makes superfluous, by the statements of a schema."""

from __future__ import annotations

import pytest

from tests.unit.schema.performance_ddl import details, found, hits, model_of
from voyager.schema.analyze import analyze_schema
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.schema.redundancy import redundant_indexes
from voyager.schema.statements import split_dump

TABLE = 'CREATE TABLE s.t (a int, b int, c text, d text COLLATE "C");'


def redundant(*statements: str, table: str = TABLE) -> dict[str, str]:
    """Index -> the one that stays. What does not begin with a verb is an index, written from its name on."""
    whole = (one if one.startswith(("CREATE", "ALTER")) else f"CREATE INDEX {one}" for one in statements)
    text = ";".join(one.replace(" T ", " ON s.t ") for one in whole)
    return {one.index[1]: one.existing[1] for one in redundant_indexes(model_of(f"{table}{text};"))}


def beside_refusals(*statements: str, release: str = LATEST_STABLE, table: str = TABLE) -> dict[str, str]:
    """The same by the findings for a release: each must name, in its details, an index that the release creates."""
    whole = ";".join(one.replace(" T ", " ON s.t ") for one in (table.rstrip(";"), *statements))
    analysis = analyze_schema(split_dump(f"{whole};").statements, release=release, performance=True)
    found = redundant_indexes(analysis.model, refused=analysis.refused_indexes)
    told = {
        one.object_name: one.details["ExistingIndexSQLStatement"]
        for one in analysis.findings
        if one.issue_id == "REDUNDANT_INDEXES"
    }
    assert told == {f"{one.index[1]} ON s.t": f"{one.existing_statement.text};" for one in found}
    return {one.index[1]: one.existing[1] for one in found}


def unique(rest: str) -> str:
    return f"CREATE UNIQUE INDEX {rest}"


def added(constraint: str) -> str:
    return f"ALTER TABLE ONLY s.t ADD CONSTRAINT {constraint}"


# The superfluous one is called `a` and would stay by its name, were the two the same.
PAIRS = [
    ("a T (a)", "z T (a, b)"),
    ("a T (a, b)", "z T USING btree (a, b, c)"),
    ("a T (a)", "z T (a ASC NULLS LAST, b)"),
    ("a T (a DESC)", "z T (a DESC NULLS FIRST, b)"),
    ('a T (c COLLATE "C" text_pattern_ops)', 'z T (c COLLATE "C" text_pattern_ops, a)'),
    ("a T ((lower(c)))", "z T (lower( c ), a)"),
    ("a T (a, (b + 1))", "z T (a, ( b+1 ), c)"),
    ("a T (a) INCLUDE (b)", "z T (a, b)"),
    ("a T (a) INCLUDE (b, c)", "z T (a, c) INCLUDE (b)"),
    ("a T (a) INCLUDE (b)", "z T (a) INCLUDE (c, b)"),
    ("a T USING gin (c gin_trgm_ops)", "z T USING gin (c gin_trgm_ops, d gin_trgm_ops)"),
    ("a T (a)", unique("z T (a)")),
    ("a T (a)", unique("z T (a, b) NULLS NOT DISTINCT")),
    (unique("a T (a)"), unique("z T (a) NULLS NOT DISTINCT")),
    (unique("a T (a) NULLS NOT DISTINCT"), added("z UNIQUE NULLS NOT DISTINCT (a)")),
    (unique("a T (a, b)"), added("z PRIMARY KEY (a, b)")),
    ("a T (a)", added("z PRIMARY KEY (a, b)")),
    ("a T (a) INCLUDE (b)", added("z UNIQUE (a) INCLUDE (b)")),
]


@pytest.mark.parametrize(("superfluous", "stays"), PAIRS, ids=[f"{one} | {two}" for one, two in PAIRS])
def test_an_index_that_another_serves_for_is_redundant_in_either_order(superfluous: str, stays: str) -> None:
    assert redundant(superfluous, stays) == redundant(stays, superfluous) == {"a": "z"}


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("one T (a)", "two T (b, a)"),
        ("one T (a, b)", "two T (b, a)"),
        ("one T (a, b)", "two T (a, c)"),
        ("one T (a)", "two T (a DESC)"),
        ("one T (a)", "two T (a NULLS FIRST, b)"),
        ("one T (c)", "two T (c text_pattern_ops, a)"),
        ("one T (c)", 'two T (c COLLATE "C", a)'),
        ("one T (c)", "two T ((lower(c)), a)"),
        ("one T ((lower(c)))", "two T ((upper(c)), a)"),
        ("one T ((a + 1))", "two T ((a + 2), b)"),
        ("one T USING hash (a)", "two T (a, b)"),
        ("one T USING gin (c)", "two T (c, a)"),
        ("one T USING gist (c gist_trgm_ops(siglen='32'))", "two T USING gist (c gist_trgm_ops(siglen='64'), d)"),
        ("one T (a) WHERE b > 0", "two T (a, b)"),
        ("one T (a)", "two T (a, b) WHERE b > 0"),
        ("one T (a) WHERE b > 0", "two T (a) WHERE b > 0"),
        ("one T (a) INCLUDE (c)", "two T (a, b)"),
        (unique("one T (a)"), "two T (a, b)"),
        (unique("one T (a)"), unique("two T (a, b)")),
        (unique("one T (a) NULLS NOT DISTINCT"), added("k UNIQUE (a)")),
        (added("k UNIQUE (a)"), added("l UNIQUE (a)")),
        (added("k PRIMARY KEY (a)"), "two T (a, b)"),
        (added("k EXCLUDE (a WITH =)"), "two T (b)"),
    ],
)
def test_an_index_that_something_sets_apart_is_not(one: str, two: str) -> None:
    assert redundant(one, two) == redundant(two, one) == {}


def test_of_two_that_are_the_same_the_first_by_name_stays() -> None:
    assert redundant("b T (a)", "a T (a)", "c T (a ASC)") == {"b": "a", "c": "a"}
    assert redundant("b T USING hash (a)", "a T USING hash (a)") == {"b": "a"}
    assert redundant(unique("b T (a, b)"), unique("a T (a, b)")) == {"b": "a"}
    assert redundant('"B" T (a)', "a T (a)") == {"a": "B"}


def test_what_stays_is_never_redundant_itself() -> None:
    assert redundant("i1 T (a)", "i2 T (a, b)", "i3 T (a, b, c)") == {"i1": "i3", "i2": "i3"}
    chain = redundant("i1 T (a)", unique("i2 T (a)"), added("k UNIQUE (a)"), "i4 T (a, b)")
    assert chain == {"i1": "k", "i2": "k"}


def test_the_index_of_a_constraint_stays_and_is_preferred_then_the_narrower_one() -> None:
    assert redundant("i T (a)", "wide T (a, b, c)", "slim T (a, c)", "other T (a, d)") == {"i": "other"}
    assert redundant("i T (a)", "slim T (a, c)", added("k PRIMARY KEY (a, b)")) == {"i": "k"}


def test_keys_count_where_the_server_names_them() -> None:
    table = "CREATE TABLE s.t (a int PRIMARY KEY, b int, c text, UNIQUE (b, c));"
    assert redundant("i T (a)", "j T (b)", table=table) == {"i": "t_pkey", "j": "t_b_c_key"}


def test_an_index_that_became_a_constraint_is_one() -> None:
    adopted = (unique("u T (a)"), added("u UNIQUE USING INDEX u"))
    assert redundant(*adopted, "i T (a)", "j T (a, b)") == {"i": "u"}
    assert redundant(*adopted, unique("a T (a)")) == {"a": "u"}


def test_tables_do_not_share_indexes() -> None:
    sql = "CREATE TABLE s.t (a int, b int); CREATE TABLE z.t (a int, b int);"
    sql += "CREATE INDEX i ON s.t (a); CREATE INDEX j ON z.t (a, b);"
    assert redundant_indexes(model_of(sql)) == ()


def test_an_index_without_a_name_cannot_be_left_out_by_one() -> None:
    assert redundant("CREATE INDEX T (a)", "i T (a, b)") == {}


def test_a_redundant_index_is_a_finding_with_the_statement_that_stays() -> None:
    sql = "CREATE TABLE s.t (a int, b int); CREATE INDEX i ON s.t (a); CREATE INDEX j ON s.t USING btree (a, b);"
    assert ("REDUNDANT_INDEXES", "INDEX", "i ON s.t") in found(sql)
    assert details(sql, "REDUNDANT_INDEXES") == [
        {"ExistingIndexSQLStatement": "CREATE INDEX j ON s.t USING btree (a, b);"}
    ]
    [hit] = [one for one in hits(sql) if one.hit.issue_id == "REDUNDANT_INDEXES"]
    assert hit.statement.text == "CREATE INDEX i ON s.t (a)"


MIXED = "CREATE TABLE s.t (a int, b int, v tsvector, j jsonb, x xml, d int4range);"
REFUSED_SURVIVORS = [
    ("CREATE INDEX a T USING gin (v)", "CREATE INDEX z T USING gin (v, j)"),
    ("CREATE INDEX a T (a)", "CREATE INDEX z T (a, j)"),
    ("CREATE INDEX a T (a)", "CREATE INDEX z T (a, d)"),
    ("CREATE INDEX a T (a)", "CREATE INDEX z T (a, ((j ->> 'k')::inet))"),
    ("CREATE INDEX a T (a)", "CREATE INDEX z T (a) INCLUDE (x)"),
    ("CREATE INDEX a T USING gist (d)", "CREATE INDEX z T USING gist (d, a)"),
    ("CREATE INDEX a T (a)", "ALTER TABLE s.t ADD CONSTRAINT z UNIQUE (a, b) DEFERRABLE"),
    ("CREATE INDEX a T (a)", "ALTER TABLE s.t ADD CONSTRAINT z PRIMARY KEY (a, d)"),
    ("CREATE INDEX a T (a)", "ALTER TABLE s.t ADD CONSTRAINT z UNIQUE (a) INCLUDE (x)"),
]


@pytest.mark.parametrize(("works", "refused"), REFUSED_SURVIVORS, ids=[two for _, two in REFUSED_SURVIVORS])
def test_an_index_that_the_target_refuses_serves_in_no_other_ones_place(works: str, refused: str) -> None:
    assert redundant(works, refused, table=MIXED) == {"a": "z"}
    assert beside_refusals(works, refused, table=MIXED) == {}


@pytest.mark.parametrize(
    "there",
    ["CREATE INDEX z T (a, b) WITH (fillfactor = 70)", "ALTER TABLE s.t ADD UNIQUE (a, b) WITH (fillfactor = 70)"],
)
def test_an_index_that_only_loses_its_storage_parameters_serves_as_before(there: str) -> None:
    known = redundant("CREATE INDEX a T (a)", there, table=MIXED)
    assert known.keys() == {"a"}
    assert beside_refusals("CREATE INDEX a T (a)", there, table=MIXED) == known


def test_an_index_goes_for_the_next_one_that_the_target_takes() -> None:
    chain = ("CREATE INDEX i1 T (a)", "CREATE INDEX i2 T (a, b)", "CREATE INDEX i3 T (a, b, j)")
    assert redundant(*chain, table=MIXED) == {"i1": "i3", "i2": "i3"}
    assert beside_refusals(*chain, table=MIXED) == {"i1": "i2"}
    assert beside_refusals(*chain, "CREATE INDEX i4 T (a, b, b)", table=MIXED) == {"i1": "i4", "i2": "i4"}


def test_what_the_chosen_release_has_fixed_serves_there() -> None:
    pair = ("CREATE UNIQUE INDEX a T (a)", "CREATE UNIQUE INDEX z T (a) NULLS NOT DISTINCT")
    assert beside_refusals(*pair, release="2024.2.0.0") == {}
    assert beside_refusals(*pair, release=LATEST_STABLE) == {"a": "z"}


def test_a_key_of_a_table_that_is_refused_for_something_else_still_serves() -> None:
    keys = "CREATE TABLE s.t (a int PRIMARY KEY, b int, x xml, j jsonb, UNIQUE (b, a) DEFERRABLE);"
    assert beside_refusals("CREATE INDEX i T (a)", "CREATE INDEX k T (b)", table=keys) == {"i": "t_pkey"}
