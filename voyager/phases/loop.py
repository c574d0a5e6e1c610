"""Run the event loop of a phase, and write what no one awaits in it (failed tasks, callbacks, threads) into the log."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import sys
import threading
import time
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from voyager.phases.job import Job

T = TypeVar("T")

_VALUES_FROM = re.compile(r"[(<\n]")
"""Where asyncio's messages begin to show objects, whose parts may be rows."""


def run(job: Job, work: Coroutine[Any, Any, T]) -> T:
    """Run `work` in a loop of its own. Errors that it raises come out here; nobody asks for the others, and on stderr
    they would stand between us and the operator."""
    log = BackgroundLog.installed(job.export_dir.logs)

    async def with_handler() -> T:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: log.keep(context))
        return await work

    return asyncio.run(with_handler())


class BackgroundLog(logging.Handler):
    """Keeps class and message of errors, without anything that was on its way. It never raises, for often there is no
    memory left."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory

    @classmethod
    def installed(cls, directory: Path) -> BackgroundLog:
        """The one of this process. It stays to the end: what is freed last complains last."""
        root = logging.getLogger()
        found = next((one for one in root.handlers if isinstance(one, cls)), None)
        if found is None:
            found = cls(directory)
            root.addHandler(found)
        found.directory = directory
        # Somebody else's (a test runner's) are left alone.
        if sys.unraisablehook is sys.__unraisablehook__:
            sys.unraisablehook = found.unraisable
        if sys.excepthook is sys.__excepthook__:
            sys.excepthook = found.printed
        if threading.excepthook is threading.__excepthook__:
            threading.excepthook = found.thread_failed
        return found

    @property
    def path(self) -> Path:
        return self.directory / f"yb-voyager-background-{os.getpid()}.log"

    def keep(self, context: dict[str, Any]) -> None:
        """What the loop tells its exception handler."""
        with suppress(Exception):
            self._write(str(context.get("message", "")), context.get("exception"))

    def emit(self, record: logging.LogRecord) -> None:
        """What asyncio or a pool of threads logs by itself."""
        with suppress(Exception):
            if record.levelno >= logging.WARNING:
                self._write(str(record.msg), record.exc_info[1] if record.exc_info else None)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say nothing: the default prints where it was."""

    def unraisable(self, told: Any) -> None:
        """What was raised where nobody could take it: in a destructor, in a callback of a driver."""
        with suppress(Exception):
            self._write(told.err_msg or "Exception ignored", told.exc_value)

    def printed(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """What the interpreter prints by itself, such as a buffer that is freed while it is in use."""
        if isinstance(error, SystemError):
            with suppress(Exception):
                self._write("Printed by the interpreter", error)
        else:
            sys.__excepthook__(kind, error, trace)

    def thread_failed(self, told: Any) -> None:
        with suppress(Exception):
            self._write("Exception in thread", told.exc_value)

    def _write(self, what: str, error: BaseException | None) -> None:
        kind = f": {type(error).__module__}.{type(error).__qualname__}" if error is not None else ""
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        line = f"{moment} {_VALUES_FROM.split(what, maxsplit=1)[0].strip()}{kind}\n"
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)
