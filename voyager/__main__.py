"""`python -m voyager` is the yb-voyager command."""

from __future__ import annotations

from voyager.cli.entry import main

main()
