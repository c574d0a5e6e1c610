"""Progress on stderr: bars on a terminal, else a line every few seconds, or JSON lines for programs."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

from voyager.cli.invocation import Invocation
from voyager.cli.render.numbers import count, duration, estimate, rate
from voyager.identifiers import TableName, visible
from voyager.progress import Pacing, TableProgress
from voyager.wording import counted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

EVERY = {"plain": 5.0, "json": 1.0}
WINDOW = 20.0
BARS = 8
ENDED = ("DONE", "SKIPPED", "FAILED")


def describe(sums: dict[str, Any]) -> list[str]:
    """Sums in words, only those that say something."""
    words = []
    if sums["tables"]:
        words += [f"{sums['tables_done']:,} of {sums['tables']:,} tables", f"{count(sums['rows_done'])} rows"]
    words += [f"{step['step']} {step['done']:,} of {step['total']:,}" for step in sums["steps"] if step["total"]]
    if sums["rows_per_second"] >= 0.5:
        words.append(rate(sums["rows_per_second"]))
    if sums.get("workers"):
        words.append(counted(sums["workers"], "worker"))
    if sums.get("retries"):
        words.append(f"tried again {counted(sum(sums['retries'].values()), 'time')}")
    words.append(duration(sums["elapsed_seconds"]))
    if sums.get("paused"):
        return [*words, "PAUSED"]
    rest = estimate(sums["estimate_seconds"])
    return [*words, f"est: {rest}"] if rest else words


def held_in_words(pacing: Pacing) -> str:
    """`paused since 2026-11-22 14:02:11 UTC by ann@host 12; resume with: yb-voyager migrate resume`."""
    return f"{pacing.paused}; resume with: yb-voyager {pacing.resume}"


class Tally:
    """The newest standing of every table, and sums over all of them. What has no schema is a step, not a table."""

    def __init__(self) -> None:
        self.tables: dict[tuple[str, str], TableProgress] = {}
        self.started = time.monotonic()
        self.pacing: Pacing | None = None
        self._seen: deque[tuple[float, int]] = deque()

    def take(self, progress: TableProgress) -> None:
        self.tables[(progress.schema, progress.table)] = progress

    def sums(self) -> dict[str, Any]:
        """Sums as JSON values; the rate is that of a moving window."""
        tables = [table for table in self.tables.values() if table.schema]
        steps = [table for table in self.tables.values() if not table.schema]
        rows = sum(table.rows_done for table in tables)
        total = sum(max(_expected(table), table.rows_done) for table in tables)
        speed = self._speed(rows - sum(table.rows_kept for table in tables))
        return {
            "tables": len(tables),
            "tables_done": sum(table.status in ENDED for table in tables),
            "rows_done": rows,
            "rows_total": total,
            "bytes_done": sum(table.bytes_done for table in tables),
            "rows_per_second": round(speed, 1),
            "estimate_seconds": round((total - rows) / speed, 1) if speed > 0 and total > rows else None,
            "elapsed_seconds": round(time.monotonic() - self.started, 1),
            "workers": self.pacing.workers if self.pacing else None,
            "retries": dict(self.pacing.retries) if self.pacing else {},
            "paused": held_in_words(self.pacing) if self.pacing and self.pacing.paused else None,
            "steps": [{"step": step.table, "done": step.rows_done, "total": step.rows_total or 0} for step in steps],
        }

    def _speed(self, rows: int) -> float:
        now = time.monotonic()
        self._seen.append((now, rows))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()
        then, before = self._seen[0]
        return max(0.0, (rows - before) / (now - then)) if now - then >= 0.2 else 0.0


def _expected(table: TableProgress) -> int:
    return table.rows_total if table.rows_total is not None else table.rows_estimated or 0


class ProgressView:
    """Shows what a running phase reports, from whatever thread; as a context manager it cleans up after itself."""

    def __init__(self, title: str, invocation: Invocation) -> None:
        self.title = title
        self._invocation = invocation
        self._kind = self._choose(invocation)
        self._tally = Tally()
        self._guard = threading.Lock()
        self._told_at = time.monotonic()
        self._bars: _Bars | None = None

    def __enter__(self) -> ProgressView:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            if self._bars is not None:
                self._bars.close()
                self._bars = None
            elif self._tally.tables and self._kind in EVERY:
                self._tell()

    def report(self, progress: TableProgress) -> None:
        """Take the standing of a table."""
        with self._guard:
            self._tally.take(progress)
            if self._kind == "bars":
                self._bars = self._bars or _Bars(self.title, self._invocation)
                self._bars.show(self._tally, progress)
            elif self._kind in EVERY and time.monotonic() - self._told_at >= EVERY[self._kind]:
                self._tell()

    def pace(self, pacing: Pacing) -> None:
        """Take how fast the work goes; told when it changes, and a pause at once."""
        with self._guard:
            before, self._tally.pacing = self._tally.pacing, pacing
            was, now = bool(before and before.paused), bool(pacing.paused)
            if self._kind == "bars" and (self._bars is not None or now):
                self._bars = self._bars or _Bars(self.title, self._invocation)
                self._bars.show_whole(self._tally)
            if self._kind == "json" and pacing != before:
                self._line({"event": "pace", "phase": self.title, **asdict(pacing)})
            elif self._kind in ("bars", "plain") and was != now:
                self._say(f"{self.title}: {held_in_words(pacing) if now else 'resumed'}")

    def _say(self, sentence: str) -> None:
        if self._bars is not None:
            self._bars.progress.console.print(visible(sentence), style="yellow", markup=False, soft_wrap=True)
        else:
            self._invocation.emitter.say(sentence)

    def warn(self, sentence: str) -> None:
        """Tell a warning without tearing the bars."""
        if self._kind == "json":
            self._line({"event": "warning", "phase": self.title, "message": sentence})
        elif self._bars is not None:
            self._bars.progress.console.print(f"Warning: {visible(sentence)}", style="yellow", markup=False)
        else:
            self._invocation.emitter.warn(sentence)

    @staticmethod
    def _choose(invocation: Invocation) -> str:
        asked = str(invocation.resolved().get("progress", "auto"))
        if asked != "auto":
            return asked
        return "bars" if sys.stderr.isatty() and invocation.environment.get("TERM") != "dumb" else "plain"

    def _tell(self) -> None:
        self._told_at = time.monotonic()
        sums = self._tally.sums()
        if self._kind == "json":
            running = [table for table in self._tally.tables.values() if table.status not in ("QUEUED", *ENDED)]
            self._line({"event": "progress", "phase": self.title, **sums, "running": [_table_json(t) for t in running]})
            return
        self._invocation.emitter.say(f"{self.title}: {', '.join(describe(sums))}")

    @staticmethod
    def _line(document: dict[str, Any]) -> None:
        print(json.dumps(document), file=sys.stderr, flush=True)


def _table_json(table: TableProgress) -> dict[str, Any]:
    return {"schema": table.schema, "table": table.table, "status": table.status, "rows_done": table.rows_done}


class _Bars:
    """One bar for everything, and one for each table that runs (at most BARS)."""

    def __init__(self, title: str, invocation: Invocation) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self.progress: Progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[percent]:>3}%", markup=False),
            TextColumn("{task.fields[numbers]}", markup=False),
            console=invocation.emitter.talk.console,
            transient=True,
            refresh_per_second=4,
        )
        self._whole: TaskID = self.progress.add_task(title, total=100, percent=0, numbers="")
        self._tables: dict[tuple[str, str], TaskID] = {}
        self._drawn_at = 0.0
        self.progress.start()

    def show(self, tally: Tally, changed: TableProgress) -> None:
        """Draw; sums over many tables are made a few times a second only."""
        self._show_table(changed)
        now = time.monotonic()
        if now - self._drawn_at < 0.25:
            return
        self._drawn_at = now
        self.show_whole(tally)

    def show_whole(self, tally: Tally) -> None:
        """Draw the bar for everything."""
        sums = tally.sums()
        done = sums["rows_done"] + sum(step["done"] for step in sums["steps"])
        total = sums["rows_total"] + sum(step["total"] for step in sums["steps"])
        self._update(self._whole, done, total, "  ".join(describe(sums)))

    def close(self) -> None:
        self.progress.stop()

    def _show_table(self, table: TableProgress) -> None:
        key = (table.schema, table.table)
        if table.status == "QUEUED" or table.status in ENDED:
            if key in self._tables:
                self.progress.remove_task(self._tables.pop(key))
            return
        if key not in self._tables:
            if len(self._tables) >= BARS:
                return
            shown = str(TableName(*key)) if all(key) else table.table
            self._tables[key] = self.progress.add_task(f"  {shown[:40]}", total=100, percent=0, numbers="")
        self._update(self._tables[key], table.rows_done, _expected(table), f"{count(table.rows_done)} rows")

    def _update(self, task: TaskID, done: int, total: int, numbers: str) -> None:
        # Never 100: that is what the ledger says, and the summary then.
        percent = min(99, 100 * done // total) if total else 0
        self.progress.update(task, completed=percent, percent=percent, numbers=numbers)
