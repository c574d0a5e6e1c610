"""The interactive viewer of a report, and the way to its page in a browser."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voyager.errors import UsageError
from voyager.identifiers import visible


def run_viewer(document: Mapping[str, Any], html_path: Path) -> None:
    """Show a report until the operator leaves. Raises UsageError where there is nothing to show it with."""
    if os.environ.get("TERM", "") in {"", "dumb"} and sys.platform != "win32":
        raise UsageError(
            "This terminal cannot show the viewer (TERM is not set, or dumb).",
            f"Open the page instead: {visible(str(html_path))}",
        )
    try:
        import textual  # noqa: F401
    except ModuleNotFoundError as error:
        raise UsageError(
            "The viewer needs the package textual, which is not installed.",
            f"Install it with: pip install 'yb-voyager[tui]'. Or open the page: {visible(str(html_path))}",
        ) from error
    from voyager.cli.viewer.app import Viewer

    Viewer(document, html_path).run()


def open_in_browser(html_path: Path) -> str:
    """Open the page; return the sentence that says so, or where it is when there is no browser to show it."""
    shown = visible(str(html_path))
    if not html_path.is_file():
        raise UsageError(f"There is no page {shown}.", "Make it again with: yb-voyager assessment report.")
    if has_display() and _opened(html_path.absolute().as_uri()):
        return f"Opened {shown} in the browser."
    return f"There is no browser to open here. The page is one file that needs no network: {shown}"


def has_display() -> bool:
    """Whether a browser would have a window to open; a text browser would take over the terminal."""
    if sys.platform in {"darwin", "win32"}:
        return "SSH_CONNECTION" not in os.environ
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))


def _opened(address: str) -> bool:
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
