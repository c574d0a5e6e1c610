"""A server that gives up a query of ours: a range is read in parts, and what cannot be cut is said at once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import drive
from tests.verification_pair import MemoryJournal, Pair, go_on, unheard
from voyager.embedded import Server
from voyager.postgres.connection import connect
from voyager.verification.findings import Found
from voyager.verification.readers import Readers, TimedOut
from voyager.verification.request import Request
from voyager.verification.run import Verification

ROWS = 140
LIMIT = 0.4
"""Seconds that suffice for a part of the rows below, and never for half of them: each takes 8 milliseconds."""

SLOW = """
CREATE TYPE slow AS (v int);
CREATE FUNCTION slowly(slow) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN PERFORM pg_sleep(0.008); RETURN $1.v::text; END $$;
CREATE CAST (slow AS text) WITH FUNCTION slowly(slow);
CREATE TABLE long (id int PRIMARY KEY, v slow);
CREATE TABLE bag (v slow);
"""
FILLED = "SELECT i, ROW(i)::slow FROM "


@pytest.fixture(scope="module")
def pair(source_server: Server, target_server: Server) -> Iterator[Pair]:
    with contextlib.ExitStack() as both:
        made = []
        for server in (source_server, target_server):
            name = f"timeout_{id(made)}"
            drive.execute(server.endpoint(), f"CREATE DATABASE {name} TEMPLATE template0")
            both.callback(drive.execute, server.endpoint(), f"DROP DATABASE {name} WITH (FORCE)")
            made.append(server.endpoint(name))
        found = Pair(*made)
        found.both(SLOW)
        found.both(
            f"INSERT INTO long {FILLED} generate_series(1, {ROWS}) i; INSERT INTO bag SELECT v FROM long; ANALYZE"
        )
        yield found


def verify(pair: Pair, tables: str, limit: float | None, level: str = "checksum") -> Found:
    catalog = pair.catalog()
    request = Request(
        tuple(table for table in catalog.tables if table.name.name == tables),
        level=level,
        jobs=1,
        rows_per_chunk=ROWS // 2,
        rows_per_group=8,
    )
    sides = [
        Readers(
            name,
            lambda end=end: connect(end, "verify"),  # type: ignore[misc]
            limit=1,
            checkpoint=go_on,
            outage_budget=60.0,
            statement_timeout=limit,
        )
        for name, end in (("source", pair.source), ("target", pair.target))
    ]
    with contextlib.closing(sides[0]), contextlib.closing(sides[1]):
        return Verification(request, *sides, MemoryJournal(), unheard, go_on).run()


def takes(pair: Pair, sql: str) -> float:
    begun = time.monotonic()
    drive.fetch(pair.source, sql)
    return time.monotonic() - begun


@pytest.mark.parametrize("level", ["checksum", "rows"])
def test_a_range_that_takes_too_long_is_read_in_parts_and_its_rows_are_found(pair: Pair, level: str) -> None:
    assert takes(pair, f"SELECT sum(length(v::text)) FROM long WHERE id <= {ROWS // 2}") > LIMIT
    assert verify(pair, "long", LIMIT, level).differences == []
    drive.execute(pair.target, "UPDATE long SET v = ROW(0) WHERE id IN (3, 77, 100); DELETE FROM long WHERE id = 5")
    try:
        (found,) = verify(pair, "long", LIMIT, level).differences
        assert {(row.key[0][1], row.kind) for row in found.rows} == {
            ("3", "different"), ("77", "different"), ("100", "different"), ("5", "missing")
        }  # fmt: skip
        assert found.source_rows == ROWS
        assert found.target_rows == ROWS - 1
    finally:
        drive.execute(pair.target, "DELETE FROM long WHERE id IN (3, 5, 77, 100)")
        drive.execute(pair.target, f"INSERT INTO long {FILLED} unnest(ARRAY[3, 5, 77, 100]) i")


def test_a_table_that_cannot_be_cut_is_said_at_once_with_what_to_change(pair: Pair) -> None:
    begun = time.monotonic()
    with pytest.raises(TimedOut) as refused:
        verify(pair, "bag", LIMIT)
    assert time.monotonic() - begun < 20, "it was tried again and again, as long as the budget for outages lasted"
    assert "public.bag" in refused.value.message
    assert "--statement-timeout" in refused.value.message
    assert "--exclude-table-list" in refused.value.hint
    assert refused.value.exit_code == 2


def test_without_the_option_a_whole_table_takes_as_long_as_it_takes(pair: Pair, monkeypatch: Any) -> None:
    monkeypatch.setattr("voyager.verification.readers.RANGE_SECONDS", LIMIT)
    assert verify(pair, "bag", None).differences == []
    assert verify(pair, "long", None).differences == []
    with pytest.raises(TimedOut):
        verify(pair, "bag", LIMIT)
