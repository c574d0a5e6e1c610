"""Metrics: the progress of one phase for Prometheus, as text on http://HOST:PORT/metrics while it runs."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from voyager.errors import UsageError
from voyager.progress import Pacing, TableProgress
from voyager.wording import sentence

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
MOST_TABLES = 100
AT_REST = ("QUEUED", "DONE", "SKIPPED")
PREFIX = "yb_voyager"

Sample = tuple[Mapping[str, str], float]


class Metrics:
    """The newest standing of every table, and what is told of it. Sums are over all tables; single ones are told of
    those that run or failed, then of the largest, at most MOST_TABLES: a database may have ten thousand."""

    def __init__(self, *, migration: str, phase: str, version: str) -> None:
        self._labels = {"migration": migration, "phase": phase}
        self._version = version
        self._tables: dict[tuple[str, str], TableProgress] = {}
        self._started = time.time()
        self._warnings = 0
        self._pacing: Pacing | None = None
        self._guard = threading.Lock()

    def report(self, progress: TableProgress) -> None:
        with self._guard:
            self._tables[progress.schema, progress.table] = progress

    def warn(self, _sentence: str) -> None:
        with self._guard:
            self._warnings += 1

    def pace(self, pacing: Pacing) -> None:
        with self._guard:
            self._pacing = pacing

    def expose(self) -> str:
        """All metrics in Prometheus' text format."""
        with self._guard:
            known, warnings, pacing = list(self._tables.values()), self._warnings, self._pacing
        tables = [one for one in known if one.schema]
        lines: list[str] = []
        lines += self._family("info", "gauge", "The program that tells this.", [({"version": self._version}, 1)])
        lines += self._family("start_time_seconds", "gauge", "When this run began.", [({}, self._started)])
        lines += self._family("warnings", "counter", "Warnings of this run.", [({}, warnings)])
        lines += self._pace(pacing)
        lines += self._sums(tables)
        lines += self._steps([one for one in known if not one.schema])
        lines += self._single(sorted(tables, key=_interest)[:MOST_TABLES])
        return "".join(f"{line}\n" for line in lines)

    def _pace(self, pacing: Pacing | None) -> Iterator[str]:
        if pacing is None:
            return
        yield from self._family("workers", "gauge", "Workers that may work now.", [({}, pacing.workers)])
        retries: list[Sample] = [({"class": name}, count) for name, count in sorted(pacing.retries.items())]
        yield from self._family("retries", "counter", "What was tried again in this run, by class.", retries)
        tables: list[Sample] = [
            ({"schema": one["schema"], "table": one["table"]}, one["retries"]) for one in pacing.retried_tables
        ]
        help = "What was tried again of a table in this run, of those that it was most often."
        yield from self._family("table_retries", "counter", help, tables)

    def _sums(self, tables: list[TableProgress]) -> Iterator[str]:
        for name, help, value in (
            ("rows_done", "Rows that are done, of all tables.", sum(one.rows_done for one in tables)),
            ("rows_expected", "Rows of all tables, estimated where not known.", sum(map(_expected, tables))),
            ("bytes_done", "Bytes of COPY text that are done.", sum(one.bytes_done for one in tables)),
            ("bytes_expected", "Bytes of all tables, estimated where not known.", sum(map(_expected_bytes, tables))),
            ("parts_done", "Parts (chunks) that are done.", sum(one.chunks_done for one in tables)),
            ("parts_expected", "Parts of all tables.", sum(one.chunks_total or one.chunks_done for one in tables)),
            ("rows_set_aside", "Rows that the target refused.", sum(one.rows_quarantined for one in tables)),
        ):
            yield from self._family(name, "gauge", help, [({}, value)])
        count: dict[str, int] = dict.fromkeys(("QUEUED", "DONE", "FAILED", "SKIPPED"), 0)
        for one in tables:
            count[one.status] = count.get(one.status, 0) + 1
        by_status: list[Sample] = [({"status": status}, number) for status, number in sorted(count.items())]
        yield from self._family("tables", "gauge", "Tables by status.", by_status)

    def _steps(self, steps: list[TableProgress]) -> Iterator[str]:
        told: list[Sample] = [({"step": one.table, "status": one.status}, one.rows_done) for one in steps]
        yield from self._family("step_done", "gauge", "Steps that are not tables: how much is done.", told)

    def _single(self, tables: list[TableProgress]) -> Iterator[str]:
        for name, help, value in (
            ("table_rows_done", "Rows of a table that are done.", lambda one: one.rows_done),
            ("table_rows_expected", "Rows of a table, estimated where not known.", _expected),
            ("table_bytes_done", "Bytes of a table that are done.", lambda one: one.bytes_done),
            ("table_rows_set_aside", "Rows of a table that the target refused.", lambda one: one.rows_quarantined),
        ):
            samples: list[Sample] = [({"schema": one.schema, "table": one.table}, value(one)) for one in tables]
            yield from self._family(name, "gauge", help, samples)

    def _family(self, name: str, kind: str, help: str, samples: Iterable[Sample]) -> Iterator[str]:
        named = f"{PREFIX}_{name}_total" if kind == "counter" else f"{PREFIX}_{name}"
        told = [f"{named}{_labels({**self._labels, **labels})} {_number(value)}" for labels, value in samples]
        if told:
            yield f"# HELP {named} {help}"
            yield f"# TYPE {named} {kind}"
            yield from told


class MetricsServer:
    """Serves metrics from a thread while it is entered. Nothing but GET /metrics (and / that names it) is answered."""

    def __init__(self, metrics: Metrics, *, host: str, port: int) -> None:
        self._metrics = metrics
        try:
            self._server = _Server((host, port), _handler(metrics))
        except (OSError, OverflowError) as error:
            raise UsageError(
                f"The metrics cannot be served on {host}:{port}: "
                f"{sentence(str(getattr(error, 'strerror', None) or error))}",
                "Choose another --metrics-port (or --metrics-host), or leave it out.",
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # The base class would ask the name service who we are.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])


def _handler(metrics: Metrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            path = self.path.split("?", 1)[0]
            if path == "/metrics":
                self._answer(200, CONTENT_TYPE, metrics.expose())
            elif path == "/":
                self._answer(200, "text/plain; charset=utf-8", "yb-voyager: see /metrics\n")
            else:
                self._answer(404, "text/plain; charset=utf-8", "Only /metrics is here.\n")

        do_HEAD = do_GET

        def _answer(self, code: int, kind: str, text: str) -> None:
            body = text.encode("utf-8", "replace")
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody wants to read who asked."""

    return Handler


def _interest(table: TableProgress) -> tuple[bool, int, str, str]:
    return table.status in AT_REST, -max(_expected(table), table.rows_done), table.schema, table.table


def _expected(table: TableProgress) -> int:
    known = table.rows_total if table.rows_total is not None else table.rows_estimated or 0
    return max(known, table.rows_done)


def _expected_bytes(table: TableProgress) -> int:
    return max(table.bytes_total or 0, table.bytes_done)


def _labels(labels: Mapping[str, str]) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3f}"
