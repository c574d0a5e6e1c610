"""MetricsOptions: where a data phase serves its progress for Prometheus."""

from __future__ import annotations

from dataclasses import dataclass

from voyager.errors import UsageError
from voyager.phases.options import option


@dataclass(frozen=True)
class MetricsOptions:
    """Options of the phases that move rows."""

    metrics_port: int = option(
        0, "Serve progress for Prometheus at /metrics on this port while it runs (0: not at all).", metavar="PORT"
    )
    metrics_host: str = option(
        "127.0.0.1", "The address that it is served on; there is no password, so keep it private.", metavar="ADDRESS"
    )


def check_metrics_options(options: MetricsOptions) -> None:
    """Refuse what is no port."""
    if not 0 <= options.metrics_port < 65536:
        raise UsageError(f"--metrics-port is {options.metrics_port}.", "Give a port from 1 to 65535, or leave it out.")
