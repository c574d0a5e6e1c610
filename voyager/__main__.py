"""`python -m voyager` is the yb-voyager command."""

from __future__ import annotations

import sys
from typing import NoReturn

_INTERRUPTED = 130


def main() -> NoReturn:
    """Load the program and run the command line. A Ctrl-C while it is being loaded is no traceback either."""
    try:
        from voyager.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("Interrupted before anything was begun.\n")
        raise SystemExit(_INTERRUPTED) from None
    run()


if __name__ == "__main__":
    main()
