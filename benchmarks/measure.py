"""How a benchmark measures: whole processes by the wall clock, medians of alternating runs, ratios with spread."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Series:
    """Seconds of one thing measured several times."""

    values: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        self.values.append(seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.values)


def run_timed(command: Sequence[object], environment: Mapping[str, str]) -> float:
    """Run a process to its end and return its seconds; a failure ends the benchmark with what the process said."""
    words = [str(word) for word in command]
    begun = time.perf_counter()
    done = subprocess.run(words, env=dict(environment), stdin=subprocess.DEVNULL, capture_output=True, text=True)
    taken = time.perf_counter() - begun
    if done.returncode != 0:
        sys.stderr.write(done.stdout[-2000:] + done.stderr[-4000:])
        raise SystemExit(f"{' '.join(words[:6])} … ended with {done.returncode}")
    return taken


def run_measured(command: Sequence[object], environment: Mapping[str, str]) -> tuple[float, float]:
    """As run_timed, with the peak memory in megabytes of the largest of the process and those it waited for."""
    words = [str(word) for word in command]
    with tempfile.TemporaryFile("w+") as told:
        begun = time.perf_counter()
        process = subprocess.Popen(words, env=dict(environment), stdin=subprocess.DEVNULL, stdout=told, stderr=told)
        _, status, used = os.wait4(process.pid, 0)
        taken = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            told.seek(0)
            sys.stderr.write(told.read()[-4000:])
            raise SystemExit(f"{' '.join(words[:6])} … ended with {process.returncode}")
    return taken, used.ru_maxrss / 1024


def compare(name: str, ours: Series, theirs: Series, *, peer: str, rss: int | None = None) -> str:
    """One line: the ratio of the medians, with the lowest and highest ratio of paired runs. Below 1 we are faster."""
    paired = [mine / other for mine, other in zip(ours.values, theirs.values, strict=True)]
    memory = f" rss={rss}MB" if rss is not None else ""
    return (
        f"{name} ratio={ours.median / theirs.median:.2f} ({min(paired):.2f}-{max(paired):.2f}) peer={peer}{memory} "
        f"ours={ours.median:.2f}s theirs={theirs.median:.2f}s"
    )
