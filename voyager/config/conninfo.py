"""Connection strings: URIs, libpq keyword strings and service files become plain keywords."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from voyager.errors import UsageError

SCHEMES = {
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "yugabytedb": "yugabytedb",
    "mysql": "mysql",
    "mariadb": "mysql",
    "oracle": "oracle",
}
_ITEM = re.compile(r"\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))\s*")
_URI = re.compile(
    r"(?P<scheme>\w+)://(?:(?P<user>[^@/?]*)@)?(?P<hosts>[^/?]*)(?:/(?P<database>[^?]*))?(?:\?(?P<query>.*))?$"
)


def parse(text: str, *, flag: str) -> dict[str, str]:
    """Return libpq keywords (host, port, dbname, user, password, sslmode, …) and, from a URI's scheme, `engine`.

    Nothing of the text is repeated in an error: it may hold a password.
    """
    return _uri(text, flag=flag) if "://" in text else _keywords(text, flag=flag)


def _uri(text: str, *, flag: str) -> dict[str, str]:
    match = _URI.match(text.strip())
    if match is None or match["scheme"].lower() not in SCHEMES:
        raise UsageError(
            f"{flag} is not a URI that can be read.",
            "Write it as postgresql://user@host:port/database?sslmode=require.",
        )
    found = {"engine": SCHEMES[match["scheme"].lower()]}
    user, _, password = (match["user"] or "").partition(":")
    hosts = [_host_and_port(part) for part in match["hosts"].split(",")]
    ports = {port for _, port in hosts if port}
    if len(ports) > 1:
        raise UsageError(
            f"{flag} names hosts with different ports.", "Give hosts that listen on one port, or one host."
        )
    parts = {
        "user": unquote(user),
        "password": unquote(password),
        "host": ",".join(unquote(host) for host, _ in hosts),
        "port": next(iter(ports), ""),
        "dbname": unquote(match["database"] or ""),
        **dict(parse_qsl(match["query"] or "", keep_blank_values=True)),
    }
    return found | {keyword: value for keyword, value in parts.items() if value}


def _host_and_port(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, rest.removeprefix(":")
    host, _, port = text.partition(":")
    return host, port


def _keywords(text: str, *, flag: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while position < len(text.rstrip()):
        match = _ITEM.match(text, position)
        if match is None or match.end() == position:
            raise UsageError(
                f"{flag} cannot be read at character {position + 1}.", "Write it as 'host=db1 dbname=shop user=me'."
            )
        value = match[2] if match[2] is not None else match[3]
        found[match[1]] = re.sub(r"\\(.)", r"\1", value)
        position = match.end()
    return found


def service(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the keywords of a libpq service, from PGSERVICEFILE, ~/.pg_service.conf or the system's file."""
    import configparser

    tried = []
    for path in _service_files(environment):
        tried.append(str(path))
        parser = configparser.ConfigParser(interpolation=None, delimiters=("=",), comment_prefixes=("#",))
        try:
            parser.read_string(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            continue
        except (OSError, configparser.Error, UnicodeDecodeError) as error:
            raise UsageError(f"The service file {path} cannot be read ({type(error).__name__}).") from None
        if parser.has_section(name):
            return dict(parser[name])
    raise UsageError(f"There is no service called {name}.", "Looked in: " + ", ".join(tried) + ".")


def _service_files(environment: Mapping[str, str]) -> list[Path]:
    own = environment.get("PGSERVICEFILE") or "~/.pg_service.conf"
    return [
        Path(own).expanduser(),
        Path(environment.get("PGSYSCONFDIR") or "/etc/postgresql-common") / "pg_service.conf",
    ]
