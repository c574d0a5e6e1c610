"""Find a password in a libpq password file, by libpq's rules (asyncpg's own reader leaves escapes in the password)."""

from __future__ import annotations

import getpass
import os
import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_FIELD = re.compile(r"((?:[^:\\]|\\.)*)(?::|$)", re.DOTALL)


def find_password(keywords: Mapping[str, str]) -> str | None:
    """Return the password for a connection by `keywords`, those left open taken from the environment as libpq does.

    The first line that fits one of the hosts counts. A file that others may read is passed over, as libpq does.
    """
    path = Path(keywords.get("passfile") or os.environ.get("PGPASSFILE") or "~/.pgpass").expanduser()
    user = keywords.get("user") or os.environ.get("PGUSER") or getpass.getuser()
    database = keywords.get("dbname") or os.environ.get("PGDATABASE") or user
    hosts = (keywords.get("host") or keywords.get("hostaddr") or os.environ.get("PGHOST") or "localhost").split(",")
    ports = (keywords.get("port") or os.environ.get("PGPORT") or "5432").split(",")
    lines = list(_lines(path))
    for place, host in enumerate(hosts):
        # A socket's directory stands as localhost in the file.
        named = "localhost" if not host.strip() or host.startswith(("/", "@")) else host.strip()
        wanted = (named, ports[place if len(ports) > 1 else 0].strip(), database, user)
        for *fields, password in lines:
            if all(field in ("*", value) for field, value in zip(fields, wanted, strict=True)):
                return password
    return None


def _lines(path: Path) -> Iterator[tuple[str, ...]]:
    """The five fields of each line, unescaped."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
            return
        text = path.read_bytes().decode("utf-8", errors="surrogateescape")
    except OSError:
        return
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        fields: list[str] = []
        rest = line.rstrip("\r")
        while len(fields) < 4 and (found := _FIELD.match(rest)):
            fields.append(_unescaped(found[1]))
            rest = rest[found.end() :]
        if len(fields) == 4:
            yield (*fields, _unescaped(rest))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
