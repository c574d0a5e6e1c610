"""The steps of a collection as the progress panel shows them: how much of each is done, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from voyager.progress import Report, TableProgress

COLLECTING, DONE, SKIPPED, FAILED = "COLLECTING", "DONE", "SKIPPED", "FAILED"


class Steps:
    """Each step has a number of parts; it is done with the last one."""

    def __init__(self, report: Report, parts: Iterable[str]) -> None:
        """`parts` names the step of every part, in order; each step is told as QUEUED at once."""
        self._report = report
        self._totals = Counter(parts)
        self._failed: set[str] = set()
        self._standing = {
            name: TableProgress("", name, "QUEUED", rows_total=total) for name, total in self._totals.items()
        }
        for progress in self._standing.values():
            report(progress)

    def begin(self, name: str) -> None:
        before = self._of(name)
        if before.status == "QUEUED":
            self._tell(replace(before, status=COLLECTING))

    def part_done(self, name: str, message: str = "") -> None:
        """The first message of a step stays."""
        before = self._of(name)
        done = before.rows_done + 1
        status = COLLECTING if done < (before.rows_total or 1) else self._end(name)
        self._tell(replace(before, rows_done=done, status=status, message=before.message or message))

    def part_missed(self, name: str) -> None:
        self._failed.add(name)
        self.part_done(name)

    def measured(self, name: str, done: int, total: int, message: str) -> None:
        """A step that is a time to pass."""
        self._tell(TableProgress("", name, COLLECTING, rows_done=done, rows_total=total, message=message))

    def finish(self, name: str, message: str = "", *, status: str = DONE) -> None:
        self._tell(replace(self._of(name), status=status, message=message))

    def _end(self, name: str) -> str:
        if name not in self._failed:
            return DONE
        return FAILED if self._totals[name] == 1 else SKIPPED

    def _of(self, name: str) -> TableProgress:
        return self._standing.get(name) or TableProgress("", name, "QUEUED")

    def _tell(self, progress: TableProgress) -> None:
        self._standing[progress.table] = progress
        self._report(progress)
