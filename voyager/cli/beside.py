"""Two phases at the same time: one in a process of its own, the other here; one Ctrl-C, one answer, one exit code."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

from voyager import errors
from voyager.cli.ask import with_password
from voyager.cli.invocation import Invocation
from voyager.config.settings import SETTINGS
from voyager.errors import Interrupted, VoyagerError

if TYPE_CHECKING:
    from statemachine.definition import Phase
    from voyager.config import Config
    from voyager.context import Context
    from voyager.status import MigrationStatus

LOOK_EVERY = 0.2
GRACE_SECONDS = 60.0
"""How long the other process may take to come to a safe point, once it was asked to stop."""


def partner(phase: Phase, context: Context, status: MigrationStatus, *, until: str) -> Phase | None:
    """The phase that can run while `phase` does, is not running yet, and lies on the way to `until`."""
    names = [one.name for one in context.workflow.phases]
    for other in context.workflow.phases:
        beside = phase.name in other.overlaps and not phase.streams and not other.streams
        standing = status.phase(other.name)
        idle = standing.state != "COMPLETED" and standing.health != "running"
        if beside and idle and names.index(other.name) <= names.index(until):
            return other
    return None


class Beside:
    """The command of a phase in a process of its own, as a context manager: it is not outlived by that process.

    The process stops at its next safe point when its standard input ends: because we say so, or because we are gone,
    in whatever way. It is in a session of its own, so Ctrl-C comes to us alone. What it says is passed on; its answer,
    one JSON document, is kept.
    """

    def __init__(self, phase: Phase, context: Context, invocation: Invocation) -> None:
        self._phase = phase
        self._context = context
        self._invocation = invocation
        self._answer = ""
        self._over: Callable[[], None] = lambda: None
        self._readers: list[threading.Thread] = []
        self._guard = threading.Lock()

    def __enter__(self) -> Beside:
        with_password(self._ask_source, role="source", invocation=self._invocation)
        self._process = subprocess.Popen(
            self._line(),
            env=environment(self._invocation, str(self._context.record.migration_uuid)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        for read in (self._pass_on, self._keep):
            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            self._readers.append(reader)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(timeout=5)

    def wait_until_begun(self, stop: threading.Event) -> None:
        """Wait until the phase is begun under its lease; raises what the process ended with instead."""
        while True:
            record = self._context.refresh()
            lease = record.leases.get(self._phase.name)
            begun = record.phases[self._phase.name].state != "NOT_STARTED" and lease is not None and lease.live
            if begun or self._process.poll() == 0:
                return
            if self._process.poll() is not None:
                raise self.failure()
            if stop.wait(LOOK_EVERY):
                raise Interrupted("Stopped before Import Data began.", "Run the same command again.")

    def stop_with_it(self, stop: threading.Event) -> None:
        """Set `stop` when the process ends and its work is not done."""
        with self._guard:
            self._over = stop.set
        if self._process.poll():
            stop.set()

    @property
    def failed(self) -> bool:
        """Whether it ended by itself without having done its work."""
        return bool(self._process.poll())

    def result(self) -> Mapping[str, Any]:
        """Its answer, once it has ended well; raises what it ended with."""
        self._process.wait(timeout=GRACE_SECONDS)
        for reader in self._readers:
            reader.join(timeout=5)
        if self._process.returncode:
            raise self.failure()
        return self._document()

    def failure(self) -> VoyagerError:
        """What the process ended with, as our own error."""
        for reader in self._readers:
            reader.join(timeout=5)
        told = self._document().get("error", {})
        code = self._process.returncode
        message = told.get("message") or f"The process of {self._phase.title} ended with {code}."
        hint = told.get("hint") or f"Run: yb-voyager {self._phase.command}"
        kinds = {
            one.__name__: one
            for one in vars(errors).values()
            if isinstance(one, type) and issubclass(one, VoyagerError)
        }
        error: VoyagerError = kinds.get(told.get("kind", ""), VoyagerError)(
            f"{self._phase.title}: {message}", hint, tuple(told.get("details", ()))
        )
        error.exit_code = code if code > 0 else 1
        return error

    def _ask_source(self, config: Config) -> None:
        """Connect once, so that a password that is missing is asked for here: the process cannot ask."""
        from voyager.context import source_endpoint
        from voyager.sources import open_source

        with contextlib.closing(open_source(source_endpoint(config, self._context.record))) as source:
            source.probe()

    def _line(self) -> list[str]:
        asked = str(self._invocation.resolved().get("progress", "auto"))
        kind = asked if asked in ("json", "none") else "plain"
        words = [*self._phase.command.split(), "--yes", "--output", "json", "--progress", kind]
        return [sys.executable, "-m", "voyager.cli.beside", *words]

    def _pass_on(self) -> None:
        stream: IO[str] | None = self._process.stderr
        assert stream is not None
        for line in stream:
            text = line.strip()
            if text.startswith("{"):
                print(text, file=sys.stderr, flush=True)
            elif text:
                named = text if text.startswith(self._phase.title) else f"{self._phase.title}: {text}"
                self._invocation.emitter.say(named, style="yellow" if text.startswith("Warning:") else "")

    def _keep(self) -> None:
        stream: IO[str] | None = self._process.stdout
        assert stream is not None
        self._answer = stream.read()
        if self._process.wait():
            with self._guard:
                self._over()

    def _document(self) -> dict[str, Any]:
        try:
            found = json.loads(self._answer)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


def environment(invocation: Invocation, migration_uuid: str) -> dict[str, str]:
    """Our environment with what our command line said: as variables, for others can read the arguments of a process."""
    chosen = dict(invocation.environment)
    for setting in SETTINGS:
        if setting.name in invocation.given and setting.variables and setting.name not in ("output", "progress"):
            value = invocation.given[setting.name]
            chosen[setting.variables[0]] = str(value).lower() if isinstance(value, bool) else str(value)
    chosen.pop("YB_VOYAGER_MIGRATION_NAME", None)
    chosen["YB_VOYAGER_MIGRATION_UUID"] = migration_uuid
    config = invocation.resolved()
    for role in ("source", "target"):
        password = config.password(role)
        if password is not None:
            chosen[f"{role.upper()}_DB_PASSWORD"] = password
    return chosen


def _stop_when_left_alone() -> None:
    # Unbuffered: a thread that waits in a buffered read would stand in the way of the interpreter's end.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    from voyager.cli.app import main

    threading.Thread(target=_stop_when_left_alone, daemon=True).start()
    main()
