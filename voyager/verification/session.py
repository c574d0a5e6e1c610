"""The settings of a session that reads: exact output, nothing hidden, nothing written."""

from __future__ import annotations

from typing import Any

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

EXACT_FLOATS_SINCE = 120000
"""From version 12 on, any positive extra_float_digits prints the shortest exact number."""


def session_settings(version_number: int) -> dict[str, str]:
    """Every setting a reading session needs."""
    digits = "1" if version_number >= EXACT_FLOATS_SINCE else "3"
    return {**EXACT_TEXT, **CAREFUL, "extra_float_digits": digits}


def apply_session_settings(connection: Any, extra: dict[str, str] | None = None) -> None:
    """Fix the session's output, in one round trip."""
    settings = {**session_settings(connection.info.server_version), **(extra or {})}
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in settings)
    connection.execute(f"SELECT {calls}", [word for pair in settings.items() for word in pair])
