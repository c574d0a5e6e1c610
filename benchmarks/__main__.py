"""`make bench`: run every benchmark, print one line per comparison. `python -m benchmarks --rows N --runs N`."""

from __future__ import annotations

import argparse
import compileall
import importlib
import shutil
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """What a benchmark may go by."""

    directory: Path
    rows: int
    runs: int
    say: Callable[[str], None]


def _run(module: str, function: str = "run", **fixed: object) -> Callable[[Asked], list[str]]:
    """A benchmark, imported when it is its turn."""

    def call(asked: Asked) -> list[str]:
        run = getattr(importlib.import_module(f"benchmarks.{module}"), function)
        known = {"rows": asked.rows, "runs": asked.runs}
        wanted = run.__annotations__
        chosen = {name: value for name, value in known.items() if name in wanted} | fixed
        found: list[str] = run(asked.directory, say=asked.say, **chosen)
        return found

    return call


BENCHMARKS: dict[str, Callable[[Asked], list[str]]] = {
    "clone": _run("clone"),
    "many_tables": _run("clone", "run_many_tables"),
    "tables": _run("scaling", "run_tables", counts=(1000, 3000, 10000)),
    "tail": _run("scaling", "run_tail"),
    "verify": _run("verify"),
    "start_up": _run("start_up", runs=15),
    "assessment": _run("assessment"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the pgbench set (default 5,000,000)")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of each tool (default 5)")
    parser.add_argument(
        "--only", choices=tuple(BENCHMARKS), action="append", help="run this one only (may be repeated)"
    )
    given = parser.parse_args()
    _compile()
    lines: list[str] = []
    for name in given.only or BENCHMARKS:
        directory = Path(tempfile.mkdtemp(prefix="yb-voyager-bench-"))
        directory.chmod(0o755)
        try:
            lines += BENCHMARKS[name](Asked(directory, given.rows, given.runs, _say))
        finally:
            shutil.rmtree(directory, ignore_errors=True)
    print("\n".join(lines))


def _compile() -> None:
    """Have the modules compiled, as an installation has them: where Python is told to write no bytecode, an edited
    module would be compiled by every process that is measured."""
    root = Path(__file__).resolve().parent.parent
    for package in ("voyager", "statemachine", "migrations_ddl"):
        compileall.compile_dir(root / package, quiet=2)


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
