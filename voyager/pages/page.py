"""The ground of a report's page: templates that escape, a style sheet of its own, and a policy that loads nothing."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from voyager.pages import figures


def environment(package: str) -> Environment:
    """Templates of `package`: every value is escaped, and control and format characters in it are made visible."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible_text,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def visible_text(value: object) -> object:
    """Text with nothing hidden in it; markup of ours and anything else as it is."""
    return figures.text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def style_sheet() -> str:
    """The style sheet that all reports share."""
    return asset("voyager.pages", "report.css")


def asset(package: str, name: str) -> str:
    """The text of a file that lies in a package."""
    return resources.files(package).joinpath(name).read_text("utf-8")


def policy(style: str, script: str = "") -> str:
    """Nothing may be loaded or run but the style and the script of this page, whatever a name would smuggle in."""
    scripts = f"; script-src {_hash(script)}" if script else ""
    return f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src {_hash(style)}{scripts}"


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
