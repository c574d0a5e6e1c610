"""Recommendations on a whole schema: what is followed, what is not and why, and that nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest

from voyager.errors import UsageError
from voyager.schema.issues.issue import LATEST_STABLE
from voyager.schema.recommendations import Recommendations, Redundant, read_recommendations
from voyager.schema.rewrite import Rewritten, rewrite
from voyager.schema.statements import split_dump

BASE = """
CREATE TABLE s.t (a int, b int, c text);
CREATE TABLE "S.s"."T" (a int);
ALTER TABLE ONLY s.t ADD CONSTRAINT t_pkey PRIMARY KEY (a);
CREATE INDEX i ON s.t USING btree (b);
CREATE INDEX j ON s.t USING btree (b, c);
CREATE INDEX g ON s.t USING gin (c);
COMMENT ON INDEX s.i IS 'of i';
COMMENT ON INDEX s.j IS 'of j';
COMMENT ON TABLE s.t IS 'CREATE INDEX i';
ALTER INDEX s.i ALTER COLUMN 1 SET STATISTICS 100;
CREATE MATERIALIZED VIEW s.m AS SELECT 1 AS a;
"""
PARTITIONED = """
CREATE TABLE s.root (a int, b int) PARTITION BY RANGE (a);
CREATE TABLE s.low (a int, b int);
CREATE TABLE s.high PARTITION OF s.root DEFAULT PARTITION BY LIST (b);
CREATE TABLE s.deep PARTITION OF s.high DEFAULT;
ALTER TABLE ONLY s.root ATTACH PARTITION s.low FOR VALUES FROM (0) TO (9);
CREATE INDEX ri ON ONLY s.root (a);
CREATE INDEX rj ON ONLY s.root (a, b);
CREATE INDEX li ON s.low (a);
CREATE INDEX lj ON s.low (a, b);
ALTER INDEX s.ri ATTACH PARTITION s.li;
ALTER INDEX s.rj ATTACH PARTITION s.lj;
"""


def applied(
    sql: str, *, colocation: bool = True, hash_sharding: bool = True, release: str | None = None, **recommended: Any
) -> Rewritten:
    redundant = tuple(Redundant("", index, "", "") for index in recommended.pop("redundant", ()))
    recommendations = Recommendations(redundant_indexes=redundant, **recommended)
    statements = split_dump(sql).statements
    return rewrite(statements, recommendations, colocation=colocation, hash_sharding=hash_sharding, release=release)


def texts(sql: str) -> list[str]:
    return [statement.text for statement in split_dump(sql).statements]


def after(found: Rewritten) -> list[str]:
    return [statement.text for statement in found.statements]


def reasons(found: Rewritten) -> dict[str, str]:
    return {one.object: one.why for one in found.unapplied}


def test_without_recommendations_nothing_changes() -> None:
    found = applied(BASE)
    assert after(found) == texts(BASE)
    assert (found.left_out, found.rewrites, found.unapplied, found.notes) == ((), (), (), ())


def test_a_statement_that_is_changed_keeps_its_place_and_all_others_their_text() -> None:
    found = applied(BASE, sharded=("s.t",), range_indexes=("s.j",))
    changed = [(old, new) for old, new in zip(texts(BASE), after(found), strict=True) if old != new]
    assert [old.split(" (")[0] for old, _ in changed] == ["CREATE TABLE s.t", "CREATE INDEX j ON s.t USING btree"]
    assert [(one.original, one.rewritten) for one in found.rewrites] == [changed[1], changed[0]]
    assert [one.object for one in found.rewrites] == ["s.j", "s.t"]
    for old, new in zip(split_dump(BASE).statements, found.statements, strict=True):
        assert (old.kind, old.object_name, old.schema, old.name) == (new.kind, new.object_name, new.schema, new.name)
        assert (old.sha256 == new.sha256) is (old.text == new.text)


def test_materialized_views_and_quoted_names_are_found_by_the_names_of_a_report() -> None:
    names, keys = ("s.m", "S.s.T"), (("s", "m"), ("S.s", "T"))
    for found in (applied(BASE, sharded=("s.m", '"S.s"."T"')), applied(BASE, sharded=names, sharded_keys=keys)):
        assert {one.object for one in found.rewrites} == {"s.m", '"S.s"."T"'}
        assert found.unapplied == ()


def test_a_name_that_fits_two_objects_is_not_guessed() -> None:
    sql = 'CREATE TABLE "a.b".c (x int); CREATE TABLE a."b.c" (x int);'
    found = applied(sql, sharded=("a.b.c",))
    assert after(found) == texts(sql)
    assert "more than one" in reasons(found)["a.b.c"]
    exact = applied(sql, sharded=('a."b.c"',))
    assert [one.object for one in exact.rewrites] == ['a."b.c"']


TWINS = """
CREATE TABLE a."b.c" (x int, y int);
CREATE INDEX "i.j" ON a."b.c" (x);
CREATE INDEX k ON a."b.c" (x, y);
CREATE TABLE "a.b".c (x int, y int);
CREATE INDEX k ON "a.b".c (x, y);
CREATE TABLE "a.i".t (x int, y int);
CREATE INDEX j ON "a.i".t (x);
CREATE INDEX k ON "a.i".t (x, y);
"""


@pytest.mark.parametrize("exported", ["both", "only the other one"])
def test_of_two_objects_of_one_name_that_is_changed_which_the_report_means(exported: str) -> None:
    mine = [text for text in texts(TWINS) if '"a.b".c' in text or '"a.i".t' in text]
    sql = TWINS if exported == "both" else ";".join([*(one for one in texts(TWINS) if one not in mine), ""])
    table, index = ("a.b", "c"), ("a.i", "j")
    recommendations = Recommendations(
        sharded=("a.b.c",),
        redundant_indexes=(Redundant("a.i.t", "a.i.j", "", "a.i.k", index),),
        range_indexes=("a.i.k",),
        sharded_keys=(table,),
        range_keys=(("a.i", "k"),),
    )
    found = rewrite(split_dump(sql).statements, recommendations, colocation=True, hash_sharding=True, release=None)
    if exported == "both":
        changed = {one.object for one in found.rewrites}
        assert changed == {'"a.b".c', '"a.i".j', '"a.i".k'}
        assert [one.text for one in found.left_out] == ['CREATE INDEX j ON "a.i".t (x)']
        assert found.unapplied == ()
    else:
        assert (found.rewrites, found.left_out) == ((), ())
        assert set(reasons(found)) == {'"a.b".c', '"a.i".j', '"a.i".k'}


@pytest.mark.parametrize("kind", ["sharded", "redundant", "range_indexes"])
def test_without_its_key_a_name_of_several_dots_is_not_taken_for_the_one_that_is_exported(kind: str) -> None:
    sql = TWINS.split("CREATE TABLE", 2)[1]
    sql = f"CREATE TABLE{sql}"
    found = applied(sql, **{kind: ("a.b.c" if kind == "sharded" else "a.i.j",)})
    assert after(found) == texts(sql)
    assert "more than one" in " ".join(reasons(found).values())


@pytest.mark.parametrize("kind", ["sharded", "redundant", "range_indexes"])
def test_what_the_export_does_not_create_is_named(kind: str) -> None:
    found = applied(BASE, **{kind: ("s.gone",)})
    assert after(found) == texts(BASE)
    assert reasons(found) == {"s.gone": "this export does not create it"}


def test_an_index_goes_with_all_that_is_about_it() -> None:
    found = applied(BASE, redundant=("s.i",))
    assert [one.text for one in found.left_out] == [
        "CREATE INDEX i ON s.t USING btree (b)",
        "COMMENT ON INDEX s.i IS 'of i'",
        "ALTER INDEX s.i ALTER COLUMN 1 SET STATISTICS 100",
    ]
    assert after(found) == [text for text in texts(BASE) if text not in {one.text for one in found.left_out}]
    [change] = found.rewrites
    assert (change.object, change.rewritten) == ("s.i", "")
    assert "s.j" in change.why


def test_an_index_that_is_not_redundant_here_stays_whatever_was_recommended() -> None:
    found = applied(BASE, redundant=("s.j", "s.g"))
    assert after(found) == texts(BASE)
    assert set(reasons(found)) == {"s.j", "s.g"}


def test_no_index_goes_for_one_that_the_target_refuses() -> None:
    sql = """
    CREATE TABLE s.t (a tsvector, b text, j jsonb);
    CREATE INDEX i ON s.t USING gin (a);
    CREATE INDEX wide ON s.t USING gin (a, j);
    CREATE INDEX k ON s.t (b);
    CREATE INDEX k2 ON s.t (b, j);
    """
    found = applied(sql, release=LATEST_STABLE, redundant=("s.i", "s.k"))
    assert after(found) == texts(sql)
    assert reasons(found) == {
        "s.i": "s.wide, which would serve in its place, is refused by the target",
        "s.k": "s.k2, which would serve in its place, is refused by the target",
    }
    assert {one.object for one in applied(sql, redundant=("s.i", "s.k")).rewrites} == {"s.i", "s.k"}


def test_of_two_redundant_to_each_other_one_stays() -> None:
    sql = "CREATE TABLE s.t (a int); CREATE INDEX x ON s.t (a); CREATE INDEX y ON s.t (a);"
    found = applied(sql, redundant=("s.x", "s.y"))
    assert [one.text for one in found.left_out] == ["CREATE INDEX y ON s.t (a)"]
    assert set(reasons(found)) == {"s.x"}


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ("ALTER TABLE ONLY s.t REPLICA IDENTITY USING INDEX i", "replica identity"),
        ("ALTER TABLE s.t CLUSTER ON i", "cluster"),
    ],
)
def test_an_index_that_something_else_names_stays(user: str, says: str) -> None:
    found = applied(f"{BASE}{user};", redundant=("s.i",))
    assert after(found) == texts(f"{BASE}{user};")
    assert says in reasons(found)["s.i"]


def test_a_redundant_index_is_not_also_ordered() -> None:
    found = applied(BASE, redundant=("s.i",), range_indexes=("s.i", "s.j"))
    assert {one.object: one.rewritten != "" for one in found.rewrites} == {"s.i": False, "s.j": True}


def test_the_index_of_a_partition_goes_only_with_that_of_the_partitioned_table() -> None:
    alone = applied(PARTITIONED, redundant=("s.li",))
    assert after(alone) == texts(PARTITIONED)
    assert "s.ri" in reasons(alone)["s.li"]
    whole = applied(PARTITIONED, redundant=("s.ri",))
    assert [one.text for one in whole.left_out] == [
        "CREATE INDEX ri ON ONLY s.root (a)",
        "ALTER INDEX s.ri ATTACH PARTITION s.li",
        "CREATE INDEX li ON s.low (a)",
    ]
    both = applied(PARTITIONED, redundant=("s.li", "s.ri"))
    assert {one.text for one in both.left_out} == {one.text for one in whole.left_out}
    kept = applied(PARTITIONED + "ALTER TABLE s.root CLUSTER ON ri;", redundant=("s.li", "s.ri"))
    assert kept.left_out == ()
    assert set(reasons(kept)) == {"s.li", "s.ri"}


@pytest.mark.parametrize("named", ["s.root", "s.low", "s.high", "s.deep"])
def test_the_partitions_of_one_table_are_sharded_together(named: str) -> None:
    found = applied(PARTITIONED + "CREATE TABLE s.other (a int);", sharded=(named,))
    assert {one.object for one in found.rewrites} == {"s.root", "s.low", "s.high", "s.deep"}
    whys = {one.object: one.why for one in found.rewrites}
    assert all(named in why for name, why in whys.items() if name != named)


def test_a_target_that_is_not_colocated_is_told_of_the_placement_in_words_only() -> None:
    found = applied(BASE, colocation=False, sharded=("s.t",), colocated=("s.m", "x.y"))
    assert after(found) == texts(BASE)
    [note] = found.notes
    assert "3 tables" in note


def test_a_target_that_does_not_hash_keeps_its_indexes_as_they_are() -> None:
    found = applied(BASE, hash_sharding=False, range_indexes=("s.i", "s.j"), redundant=("s.i",))
    assert [text for text in after(found) if "INDEX j" in text] == ["CREATE INDEX j ON s.t USING btree (b, c)"]
    [note] = found.notes
    assert "2 indexes" in note
    assert [one.object for one in found.rewrites] == ["s.i"]


def test_a_statement_that_does_not_fit_stays_and_is_named() -> None:
    sql = "CREATE TABLE s.t (a int) WITH (colocation = true); CREATE INDEX g ON s.t USING gin (a);"
    found = applied(sql, sharded=("s.t",), range_indexes=("s.g",))
    assert after(found) == texts(sql)
    assert set(reasons(found)) == {"s.t", "s.g"}


def test_a_statement_that_no_parser_reads_is_left_alone() -> None:
    sql = "CREATE TABLE s.t (a int); CREATE INDEX i ON s.t (a HASH) SPLIT INTO 3 TABLETS; ALTER TABLE s.t NONSENSE;"
    found = applied(sql, sharded=("s.t",), range_indexes=("s.i",))
    assert after(found)[1:] == texts(sql)[1:]
    assert reasons(found) == {"s.i": "this export does not create it"}


def test_recommendations_are_read_from_our_report() -> None:
    report: dict[str, Any] = {
        "Recommendations": {
            "sharded": ["s.t"],
            "colocated": ["s.u"],
            "redundant_indexes": [{"table": "s.t", "index": "s.i", "ddl": "d", "existing": "s.j", "existing_ddl": "e"}],
            "range_indexes": ["s.k"],
        }
    }
    found = read_recommendations(report)
    assert found == Recommendations(("s.t",), ("s.u",), (Redundant("s.t", "s.i", "d", "s.j"),), ("s.k",))
    lists = report["Recommendations"]
    lists["sharded_names"] = [{"schema": "s", "name": "t"}]
    lists["range_index_names"] = [{"schema": "s", "name": "k"}]
    lists["redundant_indexes"][0] |= {"schema": "s", "name": "i"}
    apart = read_recommendations(report)
    assert (apart.sharded_keys, apart.range_keys) == ((("s", "t"),), (("s", "k"),))
    assert apart.redundant_indexes[0].key == ("s", "i")
    assert found.says == (
        "1 table to shard, 1 table to colocate, 1 redundant index to leave out, 1 index to shard by ranges"
    )
    assert read_recommendations({"Recommendations": {}}).says == "nothing to change"


def test_the_placement_in_a_report_of_yb_voyager_is_understood() -> None:
    sizing = {"SizingRecommendation": {"ShardedTables": ["public.a"], "ColocatedTables": None}}
    assert read_recommendations({"Sizing": sizing}) == Recommendations(("public.a",))
    assert read_recommendations({"Sizing": None}) == Recommendations()


@pytest.mark.parametrize(
    "damaged",
    [
        [],
        {"sharded": "s.t"},
        {"sharded": [1]},
        {"redundant_indexes": ["s.i"]},
        {"redundant_indexes": [{"index": None}]},
        {"range_indexes": {"s.i": 1}},
        {"sharded_names": ["s.t"]},
        {"sharded_names": [{"schema": "s"}]},
    ],
)
def test_recommendations_of_another_form_are_refused(damaged: Any) -> None:
    with pytest.raises(UsageError):
        read_recommendations({"Recommendations": damaged})
