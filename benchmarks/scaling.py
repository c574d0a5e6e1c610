"""What grows: thousands of tables (plan, run, `status`, memory), and one large table's tail among small ones."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import data_sets
from benchmarks.measure import Series
from benchmarks.pair import DATABASE, Pair, connect, fingerprint, fresh_database, start_pair
from benchmarks.tools import JOBS, Migration

STATUS_RUNS = 5
TIMES = 4
"""The one large table has this many times the rows of the other benchmarks."""


def run_tables(directory: Path, *, counts: tuple[int, ...], say: Callable[[str], None]) -> list[str]:
    """One migration of each count of tables: seconds in all, by table, megabytes, and what `status` takes then."""
    with start_pair(directory) as pair:
        if pair is None:
            return ["tables: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
        lines = []
        for count in counts:
            say(f"filling {count:,} tables")
            data_sets.fill_small(pair, count, rows=20)
            lines.append(_tables(pair, count, say))
        return lines


def run_tail(directory: Path, *, rows: int, say: Callable[[str], None]) -> list[str]:
    """One large table among small ones: the part of the copying in which not all connections had work."""
    with start_pair(directory) as pair:
        if pair is None:
            return ["tail: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
        say(f"filling a table of {TIMES * rows:,} rows")
        data_sets.fill_one_large(pair, TIMES * rows)
        return [_tail(pair, stream=stream, say=say) for stream in (True, False)]


def _tables(pair: Pair, count: int, say: Callable[[str], None]) -> str:
    fresh_database(pair.target)
    migration = Migration(pair, stream=True)
    try:
        taken = migration.move()
        status = Series()
        for _ in range(STATUS_RUNS):
            begun = time.perf_counter()
            migration.status()
            status.add(time.perf_counter() - begun)
    finally:
        migration.forget()
    _must_be_equal(pair)
    say(f"{count:,} tables: {taken['total']:.1f} s, target equal")
    return (
        f"tables_{count}: {taken['total']:.1f} s, {1000 * taken['total'] / count:.2f} ms a table, "
        f"rss={taken['rss']:.0f}MB, status {status.median:.2f} s"
    )


def _tail(pair: Pair, *, stream: bool, say: Callable[[str], None]) -> str:
    fresh_database(pair.target)
    migration = Migration(pair, stream=stream)
    try:
        taken = migration.move()
    finally:
        migration.forget()
    _must_be_equal(pair)
    name = "stream" if stream else "staged"
    say(f"{name}: {taken['total']:.1f} s, target equal")
    with connect(pair.target.endpoint(DATABASE)) as connection:
        committed = connection.execute("SELECT committed_at FROM ybvoyager.import_batches ORDER BY 1").fetchall()
    # The last commit but as many as there are connections: from then on one of them may have been without work.
    last, busy = committed[-1][0], committed[-min(JOBS, len(committed))][0]
    whole = (last - committed[0][0]).total_seconds()
    return f"tail_{name}: {(last - busy).total_seconds() / whole:.1%} of {whole:.1f} s in {len(committed)} batches"


def _must_be_equal(pair: Pair) -> None:
    if fingerprint(pair.source) != fingerprint(pair.target):
        raise SystemExit("source and target are not equal after the run; nothing is printed")
