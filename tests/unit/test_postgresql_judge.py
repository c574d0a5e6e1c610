"""The judge of PostgreSQL where the source's catalog and the statements of its dump tell of the same things."""

from __future__ import annotations

from voyager.assessment.assessment import RedundantIndex
from voyager.assessment.judges import judge
from voyager.assessment.metadata import Metadata
from voyager.schema.issues.issue import LATEST_STABLE

CHAIN = """
CREATE TABLE s.t (a int, b int, j jsonb, v tsvector);
CREATE INDEX i1 ON s.t USING btree (a);
CREATE INDEX i2 ON s.t USING btree (a, b);
CREATE INDEX i3 ON s.t USING btree (a, b, j);
CREATE INDEX g1 ON s.t USING gin (v);
CREATE INDEX g2 ON s.t USING gin (v, j);
CREATE INDEX k1 ON s.t USING btree (b);
CREATE INDEX k2 ON s.t USING btree (b, a);
"""


def row(index: str, existing: str) -> dict[str, str]:
    """What the source's catalog answers on an index that another one makes superfluous."""
    redundant = {"redundant_schema_name": "s", "redundant_table_name": "t", "redundant_index_name": index}
    stays = {"existing_schema_name": "s", "existing_table_name": "t", "existing_index_name": existing}
    return {"source_node": "primary", **redundant, **stays, "redundant_ddl": index, "existing_ddl": existing}


def redundant(*rows: dict[str, str], collected: bool = True) -> tuple[RedundantIndex, ...]:
    tables = {"redundant_indexes": rows} if collected else {}
    metadata = Metadata("postgresql", "d", "17", schemas=("s",), ddl=CHAIN, tables=tables)
    return judge(metadata, target_version=LATEST_STABLE).redundant_indexes


def test_what_the_catalog_says_is_held_against_what_the_target_refuses() -> None:
    found = redundant(row("i1", "i3"), row("i2", "i3"), row("g1", "g2"), row("k1", "k2"))
    assert {one.index: one.existing for one in found} == {"s.i1": "s.i2", "s.k1": "s.k2"}
    assert found[0].existing_ddl == "CREATE INDEX i2 ON s.t USING btree (a, b)"


def test_without_the_catalogs_word_the_definitions_say_the_same() -> None:
    found = redundant(collected=False)
    assert {one.index: one.existing for one in found} == {"s.i1": "s.i2", "s.k1": "s.k2"}
