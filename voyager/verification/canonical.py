"""One text, and one 64-bit number, for a row: equal on two servers if and only if the rows are the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from voyager.identifiers import Identifier

EXACT_TEXT = {
    "client_encoding": "UTF8",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "TimeZone": "UTC",
    "bytea_output": "hex",
    "lc_monetary": "C",
    # With an empty path the names that regclass and its like print are always schema-qualified.
    "search_path": "",
    "quote_all_identifiers": "off",
    "xmlbinary": "base64",
}
"""Settings that decide what the output functions of types print; extra_float_digits depends on the version."""

CAREFUL = {
    # A policy that would hide rows becomes an error.
    "row_security": "off",
    "default_transaction_read_only": "on",
}

MASK_64 = (1 << 64) - 1
_FLOATS = {"real": "float4send", "double precision": "float8send"}


@dataclass(frozen=True)
class Method:
    """How a row becomes a number; always the same on both sides of one comparison.

    `digest` is "hash64" (hashtextextended over the text's bytes), "hash64-utf8" (the same over UTF-8, for databases of
    different encodings) or "md5" (its first 64 bits, for servers whose hash functions disagree). `binary_floats` takes
    floating-point numbers by their bits, for two servers of which only one prints the shortest exact text.
    """

    digest: str = "hash64"
    binary_floats: bool = False

    @property
    def name(self) -> str:
        return f"{self.digest}+floats" if self.binary_floats else self.digest


@dataclass(frozen=True)
class Server:
    """What decides the method, asked of one server."""

    version_number: int
    encoding: str
    hash_of_probe: int | None


def session_settings(version_number: int) -> dict[str, str]:
    """Every setting a reading session needs. From version 12 on, any positive extra_float_digits is exact."""
    return {**EXACT_TEXT, **CAREFUL, "extra_float_digits": "1" if version_number >= 120000 else "3"}


def apply_session_settings(connection: Any, extra: dict[str, str] | None = None) -> None:
    """Fix the session's output, in one round trip."""
    settings = {**session_settings(connection.info.server_version), **(extra or {})}
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in settings)
    connection.execute(f"SELECT {calls}", [word for pair in settings.items() for word in pair])


def describe_server(connection: Any) -> Server:
    """Ask a server what decides the method."""
    known = connection.execute(
        "SELECT current_setting('server_encoding'), to_regprocedure('hashtextextended(text, bigint)') IS NOT NULL"
    ).fetchone()
    probe = None
    if known[1]:
        row = connection.execute("SELECT hashtextextended('yb-voyager 0123456789' COLLATE \"C\", 0)").fetchone()
        probe = int(row[0])
    return Server(connection.info.server_version, known[0], probe)


def choose_method(one: Server, other: Server) -> Method:
    """The fastest method that means the same on both servers."""
    floats = (one.version_number >= 120000) != (other.version_number >= 120000)
    if one.hash_of_probe is None or one.hash_of_probe != other.hash_of_probe:
        return Method("md5", floats)
    same_bytes = one.encoding == other.encoding
    return Method("hash64" if same_bytes else "hash64-utf8", floats)


def row_text(columns: Iterable[tuple[str, str]], method: Method) -> str:
    """SQL for the row's text: ROW() calls each type's own output function and tells NULL from ''.

    `columns` are (name, type) pairs in the order of comparison.
    """
    return f"ROW({', '.join(_column(name, type_name, method) for name, type_name in columns)})::text"


def row_number(columns: Iterable[tuple[str, str]], method: Method) -> str:
    """SQL for the row's 64-bit number, a bigint."""
    text = row_text(columns, method)
    if method.digest == "hash64":
        return f'hashtextextended({text} COLLATE "C", 0)'
    if method.digest == "hash64-utf8":
        return f"hashtextextended(encode(convert_to({text}, 'UTF8'), 'hex') COLLATE \"C\", 0)"
    return f"('x' || substr(md5(convert_to({text}, 'UTF8')), 1, 16))::bit(64)::bigint"


def _column(name: str, type_name: str, method: Method) -> str:
    column = f"t.{Identifier(name).sql}"
    if not method.binary_floats:
        return column
    if type_name in _FLOATS:
        # Every NaN is one value; its bits need not be.
        return f"CASE WHEN {column} = 'NaN' THEN 'NaN' ELSE encode({_FLOATS[type_name]}({column}), 'hex') END"
    if type_name.removesuffix("[]") in _FLOATS:
        return f"array_send({column})"
    return column
