"""Ctrl-C: once, stop at the next safe point; twice, stop now."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

FIRST = "\nStopping at the next safe point; {kept}. Press Ctrl-C again to stop now.\n"
SECOND = "\nStopped at once. Run the same command again to go on.\n"
EXIT_CODE = 130


@contextmanager
def stop_on_signal(kept: str = "everything finished is kept") -> Iterator[threading.Event]:
    """Yield an event that SIGINT and SIGTERM set; the second signal ends the program where it stands."""
    stop = threading.Event()

    def asked(_number: int, _frame: FrameType | None) -> None:
        # os.write: the signal may arrive in the middle of a print.
        if stop.is_set():
            os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, SECOND.encode())
            os._exit(EXIT_CODE)
        stop.set()
        os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, FIRST.format(kept=kept).encode())

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
