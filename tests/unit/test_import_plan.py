"""How a chunk is cut into batches, before and after part of it is in; how a refusal is told."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from voyager.data_file import Block, ChunkManifest
from voyager.errors import BlockersFound, PermissionMissing
from voyager.identifiers import TableName
from voyager.phases.load.plan import plan_batches
from voyager.ports import Capabilities
from voyager.sources.postgresql.snapshot import plan_chunks
from voyager.target.load import Load, rejection, session_settings

TABLE = TableName("public", "t")


def chunk(rows: list[int]) -> ChunkManifest:
    blocks = tuple(Block(number, 1, count, count * 10, "") for number, count in enumerate(rows))
    return ChunkManifest("c", "a", TABLE, 0, "", ("a",), "1", "none", sum(rows), sum(rows) * 10, len(rows), blocks)


@given(
    rows=st.lists(st.integers(1, 50), max_size=30),
    most_rows=st.integers(1, 120),
    most_bytes=st.integers(1, 1200),
    covered=st.sets(st.integers(0, 29)),
)
def test_batches_cover_what_is_missing_once_and_stay_within_the_limits(rows, most_rows, most_bytes, covered) -> None:
    plans = plan_batches(chunk(rows), covered, (most_rows, most_bytes))
    numbers = [number for plan in plans for number in range(plan.number, plan.number + len(plan.blocks))]
    assert numbers == [number for number in range(len(rows)) if number not in covered]
    for plan in plans:
        assert [block.offset for block in plan.blocks] == list(range(plan.number, plan.number + len(plan.blocks)))
        assert len(plan.blocks) == 1 or (plan.rows <= most_rows and plan.size <= most_bytes)


@given(
    pages=st.integers(0, 10_000),
    size=st.integers(0, 1 << 40),
    chunk_bytes=st.integers(1, 1 << 30),
    row=st.integers(0, 20_000),
)
def test_every_heap_block_is_in_exactly_one_part(pages: int, size: int, chunk_bytes: int, row: int) -> None:
    from voyager.catalog import Table

    table = Table(TABLE, "table", (), pages=pages, bytes=min(size, max(pages, 1) * 1_000_000))
    parts = plan_chunks(table, max(chunk_bytes, table.bytes // 50 + 1), tid_range_scans=True)
    assert [part.ordinal for part in parts] == list(range(len(parts)))
    assert sum(_holds(part.predicate, row) for part in parts) == 1


def _holds(predicate: str, page: int) -> bool:
    for condition in filter(None, predicate.split(" AND ")):
        _, sign, place, *_ = condition.replace("'(", "").replace(",0)'::pg_catalog.tid", "").split(" ")
        if not (page >= int(place) if sign == ">=" else page < int(place)):
            return False
    return True


def test_without_range_scans_a_table_is_one_part() -> None:
    from voyager.catalog import Table

    table = Table(TABLE, "table", (), pages=1000, bytes=8_192_000)
    assert [part.predicate for part in plan_chunks(table, 1, tid_range_scans=False)] == [""]


@dataclass
class Refusal(Exception):
    sqlstate: str
    message: str
    detail: str = ""
    context: str = ""


LOAD = Load(TABLE, ("a",), 1, "the rows of public.t in block 0 of c_data.sql", lambda: ())


def test_a_refusal_names_row_and_column_and_no_value() -> None:
    error = rejection(
        Refusal("22P02", 'invalid input syntax for type integer: "secret"', "", 'COPY t, line 7, column a b: "secret"'),
        LOAD,
    )
    assert isinstance(error, BlockersFound)
    assert "row 7 of the batch, column a b" in error.message
    assert "secret" not in error.message


def test_a_check_never_shows_the_failing_row() -> None:
    refusal = Refusal(
        "23514", 'new row violates check constraint "c"', "Failing row contains (secret).", "COPY t, line 1"
    )
    assert "secret" not in rejection(refusal, LOAD).message


def test_what_is_not_about_rows_keeps_its_own_kind() -> None:
    assert isinstance(rejection(Refusal("42501", "permission denied for table t"), LOAD), PermissionMissing)


def test_a_stalled_session_ends_with_its_lease_and_triggers_are_off_where_the_role_may() -> None:
    plain, able = Capabilities("15", 150000), Capabilities("15", 150000, replication_role=True)
    within_lease = {"idle_in_transaction_session_timeout": "30000", "tcp_user_timeout": "30000"}
    assert session_settings(plain, 30.0) == within_lease
    assert session_settings(able, 0.5)["session_replication_role"] == "replica"
