"""The metrics of a phase, served while it runs where it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from voyager import __version__
from voyager.progress import Report, TableProgress

Warn = Callable[[str], None]


@contextmanager
def served(options: Any, *, migration: str, phase: str, report: Report, warn: Warn) -> Iterator[tuple[Report, Warn]]:
    """Hand `report` and `warn` on, through the metrics where the phase's options name a port. Raises UsageError, before
    anything is begun, when it cannot be had."""
    port = getattr(options, "metrics_port", 0)
    if not port:
        yield report, warn
        return
    from voyager.metrics import Metrics, MetricsServer

    metrics = Metrics(migration=migration, phase=phase, version=__version__)

    def both(progress: TableProgress) -> None:
        metrics.report(progress)
        report(progress)

    def told(sentence: str) -> None:
        metrics.warn(sentence)
        warn(sentence)

    with MetricsServer(metrics, host=options.metrics_host, port=port):
        yield both, told
