"""Names of a MySQL server: quoted with backticks when they become SQL, plain where they need no quotes when shown."""

from __future__ import annotations

import re

from voyager.identifiers import visible

_PLAIN = re.compile(r"[0-9A-Za-z$_\u0080-\uffff]+")


def quoted(name: str) -> str:
    """The name as SQL of MySQL."""
    return "`" + name.replace("`", "``") + "`"


def account(name: str) -> str:
    """`user@host`, as CURRENT_USER() gives it, as SQL."""
    user, _, host = name.rpartition("@")
    return "@".join("'" + part.replace("\\", "\\\\").replace("'", "''") + "'" for part in (user, host))


def label(*parts: str) -> str:
    """A name with its qualifiers for people: `shop.orders`, quoted where it could be misread."""
    return ".".join(part if _PLAIN.fullmatch(part) else visible(quoted(part)) for part in parts)
