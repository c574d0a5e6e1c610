"""Where the program begins: a Ctrl-C while it is still being loaded is no traceback either."""

from __future__ import annotations

import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Load the program and run the command line."""
    try:
        from voyager.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted before anything was begun.\n")
        raise SystemExit(_INTERRUPTED) from None
    run()
