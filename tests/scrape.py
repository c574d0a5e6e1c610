"""What `--metrics-port` serves, as Prometheus would fetch it."""

from __future__ import annotations

import urllib.request


def asked(port: int) -> str:
    """The metrics as text; nothing while nobody serves them."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
