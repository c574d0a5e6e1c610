"""`migrate verify` beside reladiff and beside count(*): equal, a hundred differences, other columns, more rows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.data_sets import ROWS_PER_SCALE
from benchmarks.measure import Series, compare
from benchmarks.pair import Pair, administer, environment, start_pair
from benchmarks.verified_pair import Child, Verified, VerifiedPair, run_child

RELADIFF = "reladiff[postgresql]==0.6.0"
"""The peer (MIT), in a virtual environment of its own: the product's pins and its do not mix."""

RELADIFF_JOBS = 4
"""Connections that each side gets, as many as `migrate verify` opens; its default of one took longer."""

TABLE, KEY = "pgbench_accounts", "aid"
OTHERS = ("bid", "abalance", "filler")
UPDATED, DELETED, ADDED = 90, 5, 5
GROUPS = "SELECT {} >> 10, count(*) FROM {} GROUP BY 1"
"""count(*) of the groups that `migrate verify` sums: the server walks every row and finds its group."""

LONGER = (2, 4)
"""How many times longer the longer tables are."""

COLUMNS = """
    CREATE TABLE typed_accounts (aid integer PRIMARY KEY, bid integer, abalance integer, filler text);
    INSERT INTO typed_accounts SELECT n, n % 50, n % 7, repeat(' ', 84) FROM generate_series(1, {rows}) AS n;
    CREATE TABLE typed_orders (id bigint PRIMARY KEY, customer integer, paid boolean, token uuid, name text,
        placed date, changed timestamptz);
    INSERT INTO typed_orders SELECT n, n % 50000, n % 3 = 0, md5(n::text)::uuid, 'customer ' || n,
        date '2020-01-01' + n % 2000, timestamptz '2024-01-01 00:00+00' + n * interval '1.000001 second'
        FROM generate_series(1, {rows}) AS n;
    CREATE TABLE text_prices (id integer PRIMARY KEY, price numeric, weight double precision, about jsonb,
        code char(12));
    INSERT INTO text_prices SELECT n, n / 100.0, n / 7.0, jsonb_build_object('n', n, 'name', 'part ' || n), n::text
        FROM generate_series(1, {rows}) AS n
"""
TABLES = {"typed_accounts": "aid", "typed_orders": "id", "text_prices": "id"}


@dataclass
class Runs:
    """Alternating runs of two things, and the most memory that a process of ours held."""

    ours: Series = field(default_factory=Series)
    theirs: Series = field(default_factory=Series)
    megabytes: int = 0

    def add(self, ours: float, theirs: float, child: Child) -> None:
        self.ours.add(ours)
        self.theirs.add(theirs)
        self.megabytes = max(self.megabytes, child.megabytes)

    def line(self, name: str, peer: str) -> str:
        return compare(name, self.ours, self.theirs, peer=peer, rss=self.megabytes)


@dataclass(frozen=True)
class Bench:
    """The servers, how much and how often, and who listens."""

    pair: Pair
    rows: int
    runs: int
    say: Callable[[str], None]

    def accounts(self, name: str, rows: int) -> VerifiedPair:
        """A pair of databases with so many of pgbench's accounts."""
        self.say(f"migrating {rows:,} rows")
        made = VerifiedPair(self.pair, name)
        scale = max(1, rows // ROWS_PER_SCALE)

        def fill(database: str) -> None:
            words = [self.pair.tool("pgbench"), "-i", "-q", "-s", scale, database]
            run_child(words, environment(self.pair.source))

        made.make(fill)
        return made


def run(directory: Path, *, rows: int, runs: int, say: Callable[[str], None]) -> list[str]:
    """Run all comparisons and return their lines. Ends the benchmark when a tool's answer is not the true one."""
    with start_pair(directory) as pair:
        if pair is None:
            return ["verify: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
        reladiff = _install(directory / "reladiff", say)
        bench = Bench(pair, rows, runs, say)
        accounts = bench.accounts("accounts", rows)
        lines = _equal(bench, accounts, reladiff)
        lines += _linear(bench, accounts)
        lines += _different(bench, accounts, reladiff)
        accounts.drop()
        return lines + _by_columns(bench)


def _install(directory: Path, say: Callable[[str], None]) -> Path | None:
    """Install the peer; None where that fails, which leaves the lines that need it out and says so."""
    say(f"installing {RELADIFF}")
    pip = [directory / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", RELADIFF]
    for command in ([sys.executable, "-m", "venv", directory], pip):
        done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            say(done.stderr[-1000:] or done.stdout[-1000:])
            return None
    return directory / "bin" / "reladiff"


def _equal(bench: Bench, pair: VerifiedPair, reladiff: Path | None) -> list[str]:
    """Nothing differs: both must say so."""
    source, target = pair.fingerprint(TABLE)
    if source != target:
        raise SystemExit("the migrated table is not equal to its source; nothing is compared")
    runs, comparing = Runs(), Runs()
    for number in range(1, bench.runs + 1):
        seconds = 0.0
        if reladiff is not None:
            peer, keys = _reladiff(pair, reladiff)
            _insist(keys, frozenset(), "reladiff")
            seconds = peer.seconds
        found = _verified(pair, frozenset(), bench.rows)
        runs.add(found.child.seconds, seconds, found.child)
        comparing.add(found.comparing, seconds, found.child)
        bench.say(
            f"equal, run {number}: {found.child.seconds:.2f} s ({found.comparing:.2f} s of it comparing), "
            f"reladiff {seconds:.2f} s"
        )
    if reladiff is None:
        return [f"verify_equal: reladiff could not be installed; ours={runs.ours.median:.2f}s rss={runs.megabytes}MB"]
    return [runs.line("verify_equal", "reladiff"), comparing.line("verify_equal_comparing_alone", "reladiff")]


def _different(bench: Bench, pair: VerifiedPair, reladiff: Path | None) -> list[str]:
    """A hundred rows, far apart, were changed, deleted or added in the target: both must name exactly these."""
    wanted = _change(pair, bench.rows)
    runs = Runs()
    for number in range(1, bench.runs + 1):
        seconds = 0.0
        if reladiff is not None:
            peer, keys = _reladiff(pair, reladiff)
            _insist(keys, wanted, "reladiff")
            seconds = peer.seconds
        found = _verified(pair, wanted, bench.rows)
        runs.add(found.child.seconds, seconds, found.child)
        bench.say(f"{len(wanted)} differences, run {number}: {found.child.seconds:.2f} s, reladiff {seconds:.2f} s")
    name = f"verify_{len(wanted)}_differences"
    if reladiff is None:
        return [f"{name}: reladiff could not be installed; ours={runs.ours.median:.2f}s rss={runs.megabytes}MB"]
    return [runs.line(name, "reladiff")]


def _linear(bench: Bench, pair: VerifiedPair) -> list[str]:
    """Seconds per row of the comparison alone, for longer tables by that for the table of all other lines."""
    lines = []
    for times in LONGER:
        longer = bench.accounts(f"accounts_{times}", times * bench.rows)
        runs = Runs()
        for number in range(1, bench.runs + 1):
            short = _verified(pair, frozenset(), bench.rows)
            long = _verified(longer, frozenset(), times * bench.rows)
            runs.add(long.comparing / long.rows * bench.rows, short.comparing, long.child)
            bench.say(f"{times} times the rows, run {number}: {long.comparing:.2f} s for {short.comparing:.2f} s")
        longer.drop()
        lines.append(runs.line(f"verify_time_by_row_of_{times}_times_the_rows", f"{bench.rows:,}-rows"))
    return lines


def _by_columns(bench: Bench) -> list[str]:
    """The comparison alone beside count(*) on both servers: of the same groups, and of the bare table."""
    bench.say(f"migrating {len(TABLES)} tables of {bench.rows:,} rows")
    pair = VerifiedPair(bench.pair, "columns")
    pair.make(lambda database: administer(bench.pair.source, COLUMNS.format(rows=bench.rows), database=database))
    lines = []
    for table, key in TABLES.items():
        groups, bare = Runs(), Runs()
        for _ in range(bench.runs):
            found = pair.verify("--table-list", table, table=table)
            _insist(found.keys, frozenset(), "verify")
            # What the planner would rather do with as many groups as rows is to sort them on disk.
            of_groups = pair.seconds_of(GROUPS.format(key, table), "enable_sort = off", "work_mem = '64MB'")
            groups.add(found.comparing, of_groups, found.child)
            bare.add(found.comparing, pair.seconds_of(f"SELECT count(*) FROM {table}"), found.child)
        bench.say(f"{table}: {groups.ours.median:.2f} s for {groups.theirs.median:.2f} and {bare.theirs.median:.2f} s")
        lines += [groups.line(f"verify_{table}", "count(*)-by-group"), bare.line(f"verify_{table}_bare", "count(*)")]
    pair.drop()
    return lines


def _change(pair: VerifiedPair, rows: int) -> frozenset[int]:
    """Make the differences and return the keys that have them."""
    apart = rows // (UPDATED + DELETED)
    keys = [1 + place * apart for place in range(UPDATED + DELETED)]
    deleted = keys[:: len(keys) // DELETED][:DELETED]
    updated = [key for key in keys if key not in deleted]
    added = [rows + 1000 * place for place in range(1, ADDED + 1)]
    administer(
        pair.pair.target,
        f"UPDATE {TABLE} SET abalance = abalance + 1 WHERE {KEY} = ANY(ARRAY{updated})",
        f"DELETE FROM {TABLE} WHERE {KEY} = ANY(ARRAY{deleted})",
        f"INSERT INTO {TABLE} SELECT n, 1, 0, '' FROM unnest(ARRAY{added}) AS n",
        database=pair.name,
    )
    return frozenset(updated + deleted + added)


def _reladiff(pair: VerifiedPair, reladiff: Path) -> tuple[Child, frozenset[int]]:
    """One run of the peer, and the keys it named."""
    words: list[object] = [reladiff, pair.uri(pair.pair.source), TABLE, pair.uri(pair.pair.target), TABLE]
    words += ["-k", KEY, *(word for column in OTHERS for word in ("-c", column)), "-j", RELADIFF_JOBS, "--json"]
    child = run_child(words, os.environ)
    return child, frozenset(int(json.loads(line)[1][0]) for line in child.out.splitlines() if line.startswith("["))


def _verified(pair: VerifiedPair, wanted: frozenset[int], rows: int) -> Verified:
    found = pair.verify(table=TABLE)
    _insist(found.keys, wanted, "verify")
    if found.rows != rows // ROWS_PER_SCALE * ROWS_PER_SCALE:
        raise SystemExit(f"verify read {found.rows:,} rows of {TABLE}")
    return found


def _insist(keys: frozenset[int], wanted: frozenset[int], tool: str) -> None:
    """A tool that is wrong is not measured."""
    if keys != wanted:
        raise SystemExit(
            f"{tool} named {len(keys)} rows; {len(wanted)} differ, {len(keys & wanted)} of them are among these"
        )
