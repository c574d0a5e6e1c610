"""Text becomes a value: the types that settings and options of phases may have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from voyager.errors import UsageError

TRUE, FALSE = frozenset({"true", "yes", "1", "on"}), frozenset({"false", "no", "0", "off"})


def split_list(text: str) -> tuple[str, ...]:
    """Split at commas; quotes keep commas, and stay: they tell a name's exact spelling."""
    items, current, quoted = [], "", False
    for character in text:
        if character == '"':
            quoted = not quoted
        if character == "," and not quoted:
            items.append(current.strip())
            current = ""
        else:
            current += character
    items.append(current.strip())
    return tuple(item for item in items if item)


def unquoted(name: str) -> str:
    """A name as the catalog spells it: one in double quotes loses them, a plain one stays."""
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return name[1:-1].replace('""', '"')
    return name


def convert(value: Any, kind: str, *, where: str, choices: tuple[str, ...] = ()) -> Any:
    """Return `value` (text of a flag or variable, or what YAML made of it) as `kind`; UsageError names `where`."""
    if kind == "list":
        parts = value if isinstance(value, list | tuple) else split_list(str(value))
        return tuple(str(part) for part in parts)
    if isinstance(value, dict | list):
        raise UsageError(f"{where} must be one value, not a {'list' if isinstance(value, list) else 'block'}.")
    if choices and str(value) not in choices:
        raise UsageError(f"{where} is {str(value)!r}.", "Allowed: " + ", ".join(choices) + ".")
    if kind == "bool":
        return _boolean(value, where)
    try:
        return {"int": int, "float": float, "uuid": UUID}.get(kind, str)(str(value))
    except ValueError:
        named = {"int": "a whole number", "float": "a number", "uuid": "a UUID"}[kind]
        raise UsageError(f"{where} is {str(value)!r}, which is not {named}.") from None


def _boolean(value: Any, where: str) -> bool:
    text = str(value).strip().lower()
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise UsageError(f"{where} is {str(value)!r}.", "Write true or false.")
