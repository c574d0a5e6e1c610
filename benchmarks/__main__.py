"""`make bench`: run every benchmark, print one line per comparison. `python -m benchmarks --rows N --runs N`."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import assessment, end_to_end, start_up


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the pgbench set (default 5,000,000)")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs of each tool (default 5)")
    parser.add_argument("--only", choices=("end_to_end", "start_up", "assessment"), help="run one benchmark only")
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="yb-voyager-bench-"))
    directory.chmod(0o755)
    lines: list[str] = []
    try:
        if given.only in (None, "end_to_end"):
            lines += end_to_end.run(directory, rows=given.rows, runs=given.runs, say=_say)
        if given.only in (None, "start_up"):
            lines += start_up.run(15, directory=directory)
        if given.only in (None, "assessment"):
            lines += assessment.run(directory, say=_say)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    print("\n".join(lines))


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
