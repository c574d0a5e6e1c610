"""What `assessment run` shows while it works: a panel on a terminal, else a line for each step, or JSON lines."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from voyager.cli.invocation import Invocation
from voyager.identifiers import visible
from voyager.ports import Check
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from rich.live import Live

    from voyager.assessment.assessment import Assessment
    from voyager.assessment.metadata import Metadata

CONNECT, REPORT = "Connect to the source database", "Write the report"


@dataclass
class Work:
    """The standing of an assessment: what the panel draws. `done` and `total` of a step are seconds or objects."""

    source: str
    release: str
    steps: dict[str, TableProgress] = field(default_factory=dict)
    preliminary: Assessment | None = None

    @property
    def percent(self) -> int:
        """Steps that are done; a step that is measured counts by its part. Never 100: the report says that."""
        parts = [_part(step) for step in self.steps.values()]
        return min(99, int(100 * sum(parts) / len(parts))) if parts else 0


def _part(step: TableProgress) -> float:
    if step.status in ("DONE", "SKIPPED", "FAILED"):
        return 1.0
    return step.rows_done / step.rows_total if step.rows_total else 0.0


class AssessmentView(AbstractContextManager["AssessmentView"]):
    """Takes what collect() reports, from whatever thread."""

    def __init__(self, source: str, release: str, invocation: Invocation, checks: Sequence[Check]) -> None:
        self._invocation = invocation
        self._guard = threading.RLock()
        self._kind = _kind(invocation)
        self._live: Live | None = None
        self.work = Work(source, release)
        self.work.steps[CONNECT] = TableProgress("", CONNECT, "DONE")
        self._weak = [check for check in checks if check.severity == "warning"]

    def __enter__(self) -> Self:
        for check in self._weak:
            self.warn(check.finding)
        if self._kind == "bars":
            from rich.live import Live

            talk = self._invocation.emitter.talk
            self._live = Live(self._drawn(), console=talk.console, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the panel away: the result stands on stdout."""
        with self._guard:
            if self._live is not None:
                self._live.stop()
                self._live = None

    def report(self, progress: TableProgress) -> None:
        """Take the standing of a step. The report is the last step from the beginning on."""
        with self._guard:
            before = self.work.steps.get(progress.table)
            self.work.steps.pop(REPORT, None)
            self.work.steps[progress.table] = progress
            self.work.steps[REPORT] = TableProgress("", REPORT, "QUEUED")
            if self._live is not None:
                self._live.update(self._drawn())
            elif before is None or before.status != progress.status:
                self._tell(progress)

    def preview(self, metadata: Metadata, release: str) -> None:
        """Show what is known before the load has been measured."""
        if self._live is None:
            return
        from datetime import UTC, datetime

        from voyager.assessment.assess import assess_metadata

        found = assess_metadata(metadata, target_version=release, now=datetime.now(UTC))
        with self._guard:
            self.work.preliminary = found
            if self._live is not None:
                self._live.update(self._drawn())

    def warn(self, sentence: str) -> None:
        """Tell a warning without tearing the panel."""
        with self._guard:
            if self._kind == "json":
                self._line({"event": "warning", "message": sentence})
            elif self._live is not None:
                self._live.console.print(f"Warning: {visible(sentence)}", style="yellow", markup=False)
            else:
                self._invocation.emitter.warn(sentence)

    def _drawn(self) -> Any:
        from voyager.cli.render.assessment import progress_panel

        return progress_panel(self.work, self._invocation.emitter.talk)

    def _tell(self, step: TableProgress) -> None:
        if step.status == "QUEUED" or self._kind == "none":
            return
        if self._kind == "json":
            self._line({"event": "step", "step": step.table, "status": step.status, "message": step.message})
        else:
            self._invocation.emitter.say(f"{step.table}: {step_in_words(step)}")

    @staticmethod
    def _line(document: dict[str, Any]) -> None:
        print(json.dumps(document), file=sys.stderr, flush=True)


def step_in_words(step: TableProgress) -> str:
    """A step in words. What could not be asked is a gap in the report, told as a warning, and no failure."""
    words = {"DONE": "done", "SKIPPED": "in part", "FAILED": "not possible"}.get(step.status, "…")
    if step.status == "SKIPPED" and step.message == "left out":
        return step.message
    return f"{words} ({step.message})" if step.message else words


def _kind(invocation: Invocation) -> str:
    asked = str(invocation.resolved().get("progress", "auto"))
    if asked != "auto":
        return asked
    return "bars" if sys.stderr.isatty() and invocation.environment.get("TERM") != "dumb" else "plain"
