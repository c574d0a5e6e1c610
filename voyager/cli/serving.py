"""The metrics of a phase, served while it runs where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from voyager import __version__
from voyager.progress import Pacing, TableProgress

if TYPE_CHECKING:
    from voyager.runner import Run


@contextmanager
def served(run: Run, options: Any, *, migration: str, phase: str) -> Iterator[Run]:
    """The same run; where the phase's options name a port, its progress goes through the metrics. Raises UsageError,
    before anything is begun, when the port cannot be had."""
    port = getattr(options, "metrics_port", 0)
    if not port or run.dry_run:
        yield run
        return
    from voyager.metrics import Metrics, MetricsServer

    metrics = Metrics(migration=migration, phase=phase, version=__version__)

    def report(progress: TableProgress) -> None:
        metrics.report(progress)
        run.report(progress)

    def warn(sentence: str) -> None:
        metrics.warn(sentence)
        run.warn(sentence)

    def pace(pacing: Pacing) -> None:
        metrics.pace(pacing)
        run.pace(pacing)

    with MetricsServer(metrics, host=options.metrics_host, port=port):
        yield replace(run, report=report, warn=warn, pace=pace)
