"""Connections whose queries say that they are ours, so that statistics of the application's can leave them out."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import psycopg

MARK = "/* yb-voyager */"
CURSOR = f"{MARK} rows"
"""The name of a cursor: it is all that a FETCH says."""

# Behind the first word: what stands before a statement is not kept by every server.
_WORDS = r"\s*(?:COPY\s*\(\s*)?(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b"
_FIRST = re.compile(_WORDS, re.IGNORECASE)
_FIRST_BYTES = re.compile(_WORDS.encode(), re.IGNORECASE)
_Query = TypeVar("_Query", str, bytes)


def marked(query: _Query) -> _Query:
    """A statement that reads or writes rows, with the mark in it; any other as it is."""
    if isinstance(query, bytes):
        found = _FIRST_BYTES.match(query)
        return query if found is None else found[0] + f" {MARK}".encode() + query[found.end() :]
    match = _FIRST.match(query)
    return query if match is None else f"{match[0]} {MARK}{query[match.end() :]}"


def mark(connection: psycopg.Connection) -> psycopg.Connection:
    """The same connection; from here on all that it asks is marked."""
    connection.cursor_factory = _Cursor
    connection.server_cursor_factory = _ServerCursor
    return connection


class _Cursor(psycopg.Cursor[Any]):
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        return super().execute(marked(query), *arguments, **options)

    def copy(self, statement: Any, *arguments: Any, **options: Any) -> Any:
        return super().copy(marked(statement), *arguments, **options)


class _ServerCursor(psycopg.ServerCursor[Any]):
    def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        return super().execute(marked(query), *arguments, **options)
