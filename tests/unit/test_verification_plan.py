"""How tables are cut into chunks, and how two servers agree on a method, without a server."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voyager.identifiers import TableName
from voyager.verification.digest import Method, Server, choose_method
from voyager.verification.chunks import Chunk, checksum_sql, plan_table
from voyager.verification.structure import ColumnShape, Shape

NAME = TableName("public", "t")
ID = ColumnShape("id", "bigint", "bigint")


class Answers:
    """A connection that knows the bounds of one key, and a sample of it."""

    def __init__(self, lowest: int, highest: int) -> None:
        self.lowest, self.highest = lowest, highest

    def execute(self, sql: str, parameters: dict[str, Any]) -> Answers:
        self.asked = sql
        return self

    def fetchone(self) -> tuple[int, int]:
        return self.lowest, self.highest

    def fetchall(self) -> list[tuple[int]]:
        step = max(1, (self.highest - self.lowest) // 50)
        return [(key,) for key in range(self.lowest, self.highest + 1, step)]


def shape(rows: int, *, ordered: bool = True, key: tuple[str, ...] = ("id",), column: ColumnShape = ID) -> Shape:
    return Shape(NAME, (column,), key, key_is_primary=bool(key), ordered=ordered, rows_estimated=rows)


@given(
    lowest=st.integers(-(2**63), 2**63 - 1),
    span=st.integers(0, 2**63),
    rows=st.integers(1, 10**9),
    key=st.integers(-(2**63), 2**63 - 1),
)
def test_every_key_is_in_exactly_one_range(lowest: int, span: int, rows: int, key: int) -> None:
    highest = min(lowest + span, 2**63 - 1)
    rows_per_chunk = max(100, rows // 50)
    plan = plan_table(
        Answers(lowest, highest),
        shape(rows),
        shape(rows),
        method=Method(),
        counts_only=False,
        rows_per_chunk=rows_per_chunk,
    )
    holding = [
        chunk
        for chunk in plan.chunks
        if (chunk.low is None or key >= chunk.low) and (chunk.high is None or key < chunk.high)
    ]
    assert len(holding) == 1
    assert len(plan.chunks) <= 1000
    assert [chunk.number for chunk in plan.chunks] == list(range(len(plan.chunks)))


def test_a_small_table_is_one_chunk_and_needs_no_question() -> None:
    plan = plan_table(None, shape(1000), shape(1000), method=Method(), counts_only=False)
    assert plan.chunks == (Chunk(NAME, 0),)


def test_a_key_that_one_side_hashes_is_cut_into_buckets_of_one_query() -> None:
    plan = plan_table(None, shape(10**6), shape(10**6, ordered=False), method=Method(), counts_only=False)
    assert len(plan.chunks) == 8
    assert len(plan.queries) == 1
    sql, parameters = checksum_sql(plan, plan.chunks, 0, Method())
    assert "GROUP BY 1" in sql
    assert parameters == {}


def test_counting_rows_needs_no_chunks() -> None:
    assert len(plan_table(None, shape(10**9), shape(10**9), method=Method(), counts_only=True).chunks) == 1


def test_a_domain_over_an_integer_is_no_integer_key() -> None:
    domain = ColumnShape("id", "public.positive", "bigint")
    plan = plan_table(
        None, shape(10**6, column=domain), shape(10**6, column=domain), method=Method(), counts_only=False
    )
    assert plan.bucketed


def test_the_method_follows_what_the_servers_have_in_common() -> None:
    new = Server(180000, "UTF8", (42,))
    assert choose_method(new, new) == Method(newest=True)
    assert choose_method(new, Server(150000, "UTF8", (42,))) == Method()
    assert choose_method(new, Server(150000, "LATIN1", (42,))) == Method(one_encoding=False)
    assert choose_method(new, Server(110000, "UTF8", (42,))) == Method(exact_floats=False)
    assert choose_method(new, Server(150000, "UTF8", (43,))) == Method("md5")
    assert choose_method(Server(100000, "UTF8", None), Server(100000, "UTF8", None)) == Method("md5")
