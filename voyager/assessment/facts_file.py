"""database.json: what a collection says of its database, read and checked before anything is concluded from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voyager import __version__
from voyager.assessment.csv_file import Faults
from voyager.identifiers import visible

FORMAT = 1
"""The version of what is in our database.json."""
_NEEDED = ("engine", "version")
_TEXT, _COUNT, _NAMES, _PAIRS, _OBJECT, _OBJECTS = (
    "text",
    "a whole number",
    "a list of names",
    "a list of pairs of names",
    "an object",
    "a list of objects",
)
_KINDS = {
    **dict.fromkeys(("engine", "database", "version", "node", "collected_at", "collected_by", "url", "role"), _TEXT),
    "instance": _TEXT,
    **dict.fromkeys(("account", "query_statistics", "query_statistics_schema", "sql_mode"), _TEXT),
    **dict.fromkeys(("format", "capture_seconds", "replicas", "tables_unreadable", "tables_filtered"), _COUNT),
    **dict.fromkeys(("tables_unanalyzed", "views_hidden", "routines_hidden", "auto_increment_increment"), _COUNT),
    **dict.fromkeys(("schemas", "unreadable_schemas"), _NAMES),
    **dict.fromkeys(("unreadable", "privileges"), _PAIRS),
    "rows": _OBJECT,
    "missing": _OBJECTS,
}


def read_facts(path: Path, shown: str, faults: Faults) -> dict[str, Any]:
    """What the file says; {} when it cannot be read. What is wrong is added to `faults`."""
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        faults.add(shown, f"Byte {error.start:,} of the file is not UTF-8.")
        return {}
    except json.JSONDecodeError as error:
        says = "The file is empty." if error.doc.strip() == "" else f"This is not JSON ({error.msg})."
        faults.add(shown, says, line=error.lineno)
        return {}
    except (RecursionError, ValueError):
        faults.add(shown, "This is not the JSON that was collected: it is nested too deep, or a number is too long.")
        return {}
    if not isinstance(found, dict):
        faults.add(shown, "This is JSON, but not an object.")
        return {}
    _check(found, shown, faults)
    return found


def _check(facts: Mapping[str, Any], shown: str, faults: Faults) -> None:
    for name in _NEEDED:
        if not facts.get(name):
            faults.add(shown, f'It does not say "{name}".')
    for name, kind in _KINDS.items():
        value = facts.get(name)
        if value is not None and not _is(value, kind):
            faults.add(shown, f'"{name}" is not {kind}.')
    written = facts.get("format", FORMAT)
    if _is(written, _COUNT) and not 1 <= written <= FORMAT:
        by = facts.get("collected_by") or "another version"
        faults.add(
            shown,
            f"It was collected by the scripts of {visible(str(by))}, in format {written}; yb-voyager {__version__} "
            f"reads format {FORMAT}. Use that version, or collect again with scripts of this one.",
        )


def _is(value: Any, kind: str) -> bool:
    if kind == _TEXT:
        return isinstance(value, str)
    if kind == _COUNT:
        return isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if kind == _OBJECT:
        return isinstance(value, dict)
    if not isinstance(value, list):
        return False
    if kind == _OBJECTS:
        return all(isinstance(one, dict) for one in value)
    if kind == _PAIRS:
        return all(_is(one, _NAMES) and len(one) == 2 for one in value)
    return all(isinstance(one, str) for one in value)
