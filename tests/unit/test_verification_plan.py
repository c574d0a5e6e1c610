"""How tables are cut into chunks, and how two servers agree on a method, without a server."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from voyager.identifiers import TableName
from voyager.verification.chunks import Chunk, Grouping, plan_table
from voyager.verification.compare import Query, results_of
from voyager.verification.digest import Method, Server, choose_method
from voyager.verification.queries import Part, finer_sums_sql, sums_sql
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


@given(place=st.integers(-(2**63), 2**63 - 1), bits=st.integers(0, 16), shift=st.integers(0, 62))
def test_a_smaller_group_lies_in_one_larger_group(place: int, bits: int, shift: int) -> None:
    by_hash, by_key = Grouping(bits=bits), Grouping(shift=shift)
    assert by_hash.finer(6).group_of(place) & ((1 << bits) - 1) == by_hash.group_of(place)
    finer = by_key.finer(6)
    assert finer.shift is not None
    assert finer.group_of(place) >> (shift - finer.shift) == by_key.group_of(place)


def test_groups_are_small_whatever_the_span_of_the_keys() -> None:
    dense = plan_table(Answers(1, 10**6), shape(10**6), shape(10**6), method=Method(), counts_only=False)
    assert {chunk.grouping for chunk in dense.chunks[1:-1]} == {Grouping(shift=10)}
    far = plan_table(Answers(1, 2**62), shape(10**6), shape(10**6), method=Method(), counts_only=False)
    assert {chunk.grouping for chunk in far.chunks[1:-1]} == {Grouping(bits=7)}
    hashed = plan_table(None, shape(10**6, ordered=False), shape(10**6), method=Method(), counts_only=False)
    assert {chunk.grouping for chunk in hashed.chunks} == {Grouping(bits=9)}
    huge = plan_table(None, shape(10**10, ordered=False), shape(10**10), method=Method(), counts_only=False)
    assert {chunk.grouping for chunk in huge.chunks} == {Grouping(bits=16)}


def test_a_small_table_is_one_chunk_and_needs_no_question() -> None:
    plan = plan_table(None, shape(1000), shape(1000), method=Method(), counts_only=False)
    assert plan.chunks == (Chunk(NAME, 0),)


def test_a_key_that_one_side_hashes_is_cut_into_buckets_of_one_query() -> None:
    plan = plan_table(None, shape(10**6), shape(10**6, ordered=False), method=Method(), counts_only=False)
    assert len(plan.chunks) == 8
    assert len(plan.queries) == 1
    sql, parameters = sums_sql(plan, plan.chunks[0], 0, Method())
    assert "GROUP BY 1" in sql
    assert parameters == {}


def test_the_groups_of_one_query_go_to_the_buckets_they_belong_to() -> None:
    plan = plan_table(None, shape(10**6), shape(10**6, ordered=False), method=Method(), counts_only=False)
    here = [(group, 2, str(group)) for group in range(512)]
    there = [(group, 2, str(group + (group == 77))) for group in range(512)]
    results = results_of(Query(plan, plan.chunks), here, there)
    assert [(result.chunk.bucket, result.unequal, result.unequal_rows) for result in results if not result.equal] == [
        (77 % 8, (77,), 2)
    ]
    assert sum(result.source_rows for result in results) == 1024
    assert sum(int(result.source_sum or 0) for result in results) == sum(range(512))


def test_neighbouring_groups_are_read_as_one_range_of_keys() -> None:
    plan = plan_table(Answers(1, 10**6), shape(10**6), shape(10**6), method=Method(), counts_only=False)
    chunk = plan.chunks[1]
    part = Part(plan, chunk, chunk.grouping, (0, 1, 5))
    _, parameters = finer_sums_sql(part, chunk.grouping.finer(6), 0, Method())
    assert parameters == {"first": [0, 5120], "last": [2047, 6143]}


def test_the_last_group_of_all_bigints_ends_with_the_largest_one() -> None:
    plan = plan_table(Answers(1, 10**6), shape(10**6), shape(10**6), method=Method(), counts_only=False)
    part = Part(plan, plan.chunks[1], Grouping(shift=10), (2**53 - 1,))
    _, parameters = finer_sums_sql(part, Grouping(shift=4), 0, Method())
    assert parameters == {"first": [2**63 - 1024], "last": [2**63 - 1]}


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
