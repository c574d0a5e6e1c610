"""Member: one database of a fleet, with all that its assessment needs; made of what a file gives, and checked."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from voyager.config import conninfo
from voyager.config.config import ENGINE_OF_PORT, PORTS, TLS_KEYWORDS
from voyager.config.values import convert, unquoted
from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.identifiers import visible
from voyager.sources import ASSESSED

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
RESERVED = frozenset({"logs", "fleet.json", "fleet_assessment_report.json", "fleet_assessment_report.html"})
"""What the fleet keeps beside the directories of its members."""
PASSWORD_SOURCES = ("env", "file", "command")
TLS = {"mode": "ssl_mode", "cert": "ssl_cert", "key": "ssl_key", "root-cert": "ssl_root_cert", "crl": "ssl_crl"}
SID, TNS_ALIAS = "sid", "tns_alias"
KINDS: Mapping[str, str] = {
    "name": "str",
    "engine": "str",
    "uri": "str",
    "host": "str",
    "port": "int",
    "database": "str",
    "oracle-sid": "str",
    "oracle-tns-alias": "str",
    "user": "str",
    "schemas": "list",
    "password": "password",
    "tls": "mapping",
    "labels": "mapping",
    "replicas": "list",
    "primary-only": "bool",
    "iops-capture-interval": "int",
    "target-db-version": "str",
}
"""What can be said of a member, and what kind of value that is."""
ALIASES = {
    "type": "engine",
    "schema": "schemas",
    "read-replica-endpoints": "replicas",
    "oracle-db-sid": "oracle-sid",
    "db": "database",
}


@dataclass(frozen=True)
class Given:
    """A value as the file has it, and its line. The value may be a password."""

    value: Any = field(repr=False)
    line: int


@dataclass(frozen=True)
class Entry:
    """One entry of a fleet file: what was given, by key, and the line where it begins."""

    line: int
    given: Mapping[str, Given]


@dataclass(frozen=True)
class Member:
    """One database. `password` is a source of one ({env: X}, {file: X}, {command: X}) or the password itself; it is
    resolved when the database's turn comes. `line` is where the fleet file tells of it."""

    name: str
    endpoint: Endpoint
    password: Any = field(default=None, repr=False, compare=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    replicas: tuple[str, ...] = ()
    primary_only: bool = False
    capture_seconds: int | None = None
    release: str | None = None
    line: int = 0
    named: bool = True
    """Whether the file gives the name; others are made of what the database is called."""

    @property
    def has_literal_password(self) -> bool:
        return isinstance(self.password, str)

    @property
    def identity(self) -> str:
        """The same as long as the same is assessed: not who asks, by which means, or under which name."""
        place = self.endpoint
        told = [place.engine, place.host, place.port, place.database, sorted(place.schemas), sorted(place.options)]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


class Mistakes:
    """What is wrong with a fleet file, each with its line; found all at once."""

    def __init__(self) -> None:
        self.found: list[tuple[int, str]] = []

    def add(self, line: int, sentence: str) -> None:
        if (line, sentence) not in self.found:
            self.found.append((line, sentence))

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(f"line {line}: {sentence}" for line, sentence in sorted(self.found))


def known_key(key: str, line: int, mistakes: Mistakes, *, where: str = "") -> str | None:
    """The key that was meant; None, and a mistake, when there is none."""
    spelled = key.strip().lower().replace("_", "-")
    found = ALIASES.get(spelled, spelled)
    if found in KINDS:
        return found
    nearest = difflib.get_close_matches(spelled, [*KINDS, *ALIASES], n=1, cutoff=0.6)
    hint = f"did you mean {nearest[0]}?" if nearest else f"known are {', '.join(KINDS)}."
    mistakes.add(line, f"{where}{visible(key)} is no key of a database; {hint}")
    return None


def build(entry: Entry, mistakes: Mistakes, *, name_of: Callable[[Endpoint], str]) -> Member | None:
    """A member of an entry; None, and its mistakes told, when something is wrong with it."""
    before = len(mistakes.found)
    read = _Values(entry, mistakes)
    endpoint = _endpoint(read)
    given_name = read.text("name")
    if given_name:
        _check_name(given_name, read)
    name = given_name or (name_of(endpoint) if endpoint else "")
    values: dict[str, Any] = {
        "password": read.password(),
        "labels": read.mapping("labels"),
        "replicas": read.value("replicas", ()),
        "primary_only": bool(read.value("primary-only", False)),
        "capture_seconds": read.value("iops-capture-interval"),
        "release": read.text("target-db-version") or None,
    }
    if values["capture_seconds"] is not None and values["capture_seconds"] < 0:
        read.wrong("iops-capture-interval", "iops-capture-interval is negative; give seconds, 0 leaves the load out.")
    if endpoint is None or len(mistakes.found) > before:
        return None
    return Member(name=name, endpoint=endpoint, line=entry.line, named=bool(given_name), **values)


def usable_name(*parts: str) -> str:
    """A name that can be a directory, made of names that perhaps cannot."""
    joined = "-".join(re.sub(r"[^A-Za-z0-9._-]+", "_", part).strip("._-") for part in parts if part)
    return (joined.strip("-") or "database")[:100]


class _Values:
    """Reads the values of one entry; what is wrong is told, and left out."""

    def __init__(self, entry: Entry, mistakes: Mistakes) -> None:
        self._entry = entry
        self._mistakes = mistakes

    def wrong(self, key: str, sentence: str) -> None:
        given = self._entry.given.get(key)
        self._mistakes.add(given.line if given else self._entry.line, sentence)

    def raw(self, key: str) -> Any:
        given = self._entry.given.get(key)
        return None if given is None else given.value

    def value(self, key: str, default: Any = None) -> Any:
        raw = self.raw(key)
        if raw is None or raw == "":
            return default
        try:
            return convert(raw, KINDS[key], where=key)
        except UsageError as error:
            self.wrong(key, visible(f"{error.message} {error.hint}".strip()))
            return default

    def text(self, key: str) -> str:
        return str(self.value(key, ""))

    def mapping(self, key: str) -> dict[str, str]:
        raw = self.raw(key)
        if raw is None or raw == "":
            return {}
        if not isinstance(raw, dict) or any(isinstance(value, dict | list) for value in raw.values()):
            self.wrong(key, f"{key} is no block of 'key: value' lines.")
            return {}
        return dict(raw)

    def password(self) -> Any:
        raw = self.raw("password")
        if raw is None or raw == "":
            return None
        if isinstance(raw, dict):
            kind, text = next(iter(raw.items()), ("", ""))
            if len(raw) == 1 and kind in PASSWORD_SOURCES and text and isinstance(text, str):
                return raw
            self.wrong("password", "password is no source of one; write {env: NAME}, {file: PATH} or {command: RUN}.")
            return None
        if isinstance(raw, list):
            self.wrong("password", "password is a list; write {env: NAME}, {file: PATH} or {command: RUN}.")
            return None
        return str(raw)


def _endpoint(read: _Values) -> Endpoint | None:
    told = _told(read)
    options = [(SID, read.text("oracle-sid")), (TNS_ALIAS, read.text("oracle-tns-alias"))]
    named = tuple((option, value) for option, value in options if value)
    engine = _engine(read, told)
    for key in ("host", "user"):
        if not told[key] and not (key == "host" and dict(named).get(TNS_ALIAS)):
            read.wrong(key, f"{key} is missing.")
    if not told["database"] and not named:
        read.wrong("database", "database is missing.")
    port = told["port"] or PORTS.get(engine, 0)
    if not 0 < port < 65536:
        read.wrong("port", f"port is {port}, which is none.") if told["port"] else None
    if not engine or not told["user"]:
        return None
    return Endpoint(
        engine=engine,
        host=told["host"],
        port=port,
        database=told["database"] or (named[0][1] if named else ""),
        user=told["user"],
        schemas=tuple(map(unquoted, read.value("schemas", ()))),
        tls=_tls(read, told),
        options=named,
    )


def _told(read: _Values) -> dict[str, Any]:
    """Host, port, database and user: from the URI, where a key of its own does not say otherwise."""
    uri: dict[str, str] = {}
    if read.raw("uri"):
        try:
            uri = conninfo.parse(read.text("uri"), flag="uri")
        except UsageError as error:
            read.wrong("uri", f"{error.message} {error.hint}".strip())
    if uri.get("password"):
        read.wrong("uri", "uri holds a password; give it as password: {env: NAME}, {file: PATH} or {command: RUN}.")
    port = uri.get("port", "")
    return {
        "host": read.text("host") or uri.get("host", ""),
        "port": read.value("port") or (int(port) if port.isdigit() else None),
        "database": read.text("database") or uri.get("dbname", ""),
        "user": read.text("user") or uri.get("user", ""),
        "engine": read.text("engine") or uri.get("engine", ""),
        "uri": uri,
    }


def _engine(read: _Values, told: Mapping[str, Any]) -> str:
    """The engine that was named, else the one whose port it is."""
    named = str(told["engine"]).strip().lower()
    found = conninfo.SCHEMES.get(named, named) if named else ENGINE_OF_PORT.get(told["port"], "")
    if not found:
        read.wrong("engine", f"engine is missing; give one of {', '.join(ASSESSED)}.")
    elif found not in ASSESSED:
        read.wrong("engine", f"engine {visible(named)} cannot be assessed; give one of {', '.join(ASSESSED)}.")
        return ""
    return found


def _tls(read: _Values, told: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    words = {word: told["uri"][word] for word in TLS_KEYWORDS.values() if word in told["uri"]}
    for key, value in read.mapping("tls").items():
        spelled = key.lower().replace("_", "-").removeprefix("ssl-")
        if spelled not in TLS:
            read.wrong("tls", f"tls has an unknown key {visible(key)}; known are {', '.join(TLS)}.")
        else:
            words[TLS_KEYWORDS[TLS[spelled]]] = value
    return tuple(sorted(words.items()))


def _check_name(name: str, read: _Values) -> None:
    if not NAME.fullmatch(name) or name.lower() in RESERVED:
        read.wrong("name", f"name {visible(name)} cannot be a directory: letters, digits, dot, dash and _ only.")
