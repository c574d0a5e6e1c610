"""A whole database moved, schema to last index, beside pgcopydb and pg_dump with pg_restore; and its rows alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from benchmarks import data_sets, tools
from benchmarks.measure import Series, compare
from benchmarks.pair import DATABASE, Pair, connect, fingerprint, fresh_database, start_pair

Tool = Callable[[Pair], tools.Taken]
ROWS_OF_MIXED = 0.612
"""Set B has this many rows of set A's, so that both take about as long."""


def run(directory: Path, *, rows: int, runs: int, say: Callable[[str], None]) -> list[str]:
    """Run both sets and return the printed lines. Raises when a run's target was not equal to the source."""
    with start_pair(directory) as pair:
        if pair is None:
            return ["clone: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
        lines: list[str] = []
        sets: Mapping[str, Callable[[], None]] = {
            "a": lambda: data_sets.fill_pgbench(pair, rows),
            "b": lambda: data_sets.fill_mixed(pair, int(rows * ROWS_OF_MIXED)),
        }
        for name, fill in sets.items():
            say(f"filling set {name}")
            fill()
            lines += _clones(pair, name, runs, say)
        return lines


def run_many_tables(directory: Path, *, runs: int, say: Callable[[str], None], tables: int = 2000) -> list[str]:
    """Thousands of small tables beside pg_dump/pg_restore (pgcopydb takes five times as long, so it runs once)."""
    with start_pair(directory) as pair:
        if pair is None:
            return ["many_tables: not run, PostgreSQL 15 is not installed (apt-get install postgresql-15)"]
        say(f"filling {tables} tables")
        data_sets.fill_small(pair, tables)
        chosen: dict[str, Tool] = {
            "pg_dump+pg_restore": tools.pg_dump_restore,
            "staged": partial(tools.voyager, stream=False),
            "stream": partial(tools.voyager, stream=True),
        }
        taken = measure(pair, chosen, runs, say)
        return [
            line
            for name in ("stream", "staged")
            for line in (_line(f"tables_{tables}_{name}", taken, name, "pg_dump+pg_restore"), *_phases(taken[name]))
        ]


def measure(
    pair: Pair, chosen: Mapping[str, Tool], runs: int, say: Callable[[str], None], *, warm_up: bool = True
) -> dict[str, dict[str, Series]]:
    """Let every tool run `runs` times, in turn, each into a new database; all have to end with equal databases."""
    wanted = fingerprint(pair.source)
    taken: dict[str, dict[str, Series]] = {name: {} for name in chosen}
    # The first run reads a cold source and is nobody's.
    for number in range(0 if warm_up else 1, runs + 1):
        for name, tool in chosen.items():
            fresh_database(pair.target)
            seconds = tool(pair)
            if fingerprint(pair.target) != wanted:
                raise SystemExit(f"{name}: source and target are not equal after the run; no ratio is printed")
            if number:
                for step, value in seconds.items():
                    taken[name].setdefault(step, Series()).add(value)
            say(f"run {number}: {name} {seconds['total']:.2f} s, target equal")
    return taken


def _clones(pair: Pair, data_set: str, runs: int, say: Callable[[str], None]) -> list[str]:
    chosen: dict[str, Tool] = {
        "pg_dump+pg_restore": tools.pg_dump_restore,
        "pg_dump+pg_restore-Z0": tools.pg_dump_restore_uncompressed,
        "stream": partial(tools.voyager, stream=True),
        "staged": partial(tools.voyager, stream=False),
    }
    if shutil.which("pgcopydb"):
        chosen["pgcopydb"] = tools.pgcopydb
    else:
        say("pgcopydb is not installed (apt-get install pgcopydb): compared with pg_dump/pg_restore only")
    taken = measure(pair, chosen, runs, say)
    peers = [name for name in taken if name not in ("stream", "staged")]
    best = min(peers, key=lambda name: taken[name]["total"].median)
    lines = []
    for name in ("stream", "staged"):
        lines += [
            _line(f"clone_{data_set}_{name}", taken, name, peer) for peer in sorted(peers, key=lambda p: p != best)
        ]
        lines += _phases(taken[name])
    return [*lines, _rows_alone(pair, data_set, taken["stream"], runs)]


def _rows_alone(pair: Pair, data_set: str, ours: dict[str, Series], runs: int) -> str:
    """How close the streaming of the rows comes to two psql and a pipe, which have no ledger and no checks."""
    with connect(pair.source.endpoint(DATABASE)) as connection:
        sized = "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables ORDER BY n_live_tup DESC"
        tables = [name for (name,) in connection.execute(sized)]
    pipes = Series()
    for _ in range(runs):
        fresh_database(pair.target)
        pipes.add(tools.psql_pipes(pair, tables, jobs=tools.JOBS)["total"])
    return compare(f"rows_{data_set}_stream", ours["phase Export Data"], pipes, peer=f"psql|psql-P{tools.JOBS}")


def _line(name: str, taken: Mapping[str, dict[str, Series]], ours: str, peer: str) -> str:
    megabytes = round(max(taken[ours]["rss"].values))
    return compare(name, taken[ours]["total"], taken[peer]["total"], peer=peer, rss=megabytes)


def _phases(steps: Mapping[str, Series]) -> list[str]:
    return [f"  {step}: {series.median:.2f} s" for step, series in steps.items() if step.startswith("phase ")]
