"""Stored code of Oracle as text: its objects, and their source without comments and constants."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from voyager.assessment.judges.oracle.dictionary import Dictionary, Row, text
from voyager.identifiers import visible

_CLOSING = {"[": "]", "(": ")", "{": "}", "<": ">"}
_TOKEN = re.compile(
    r"""--[^\n]*|/\*.*?(?:\*/|\Z)|[nN]?[qQ]'(?P<quote>.)|[nN]?'(?P<string>(?:[^']|'')*)(?:'|\Z)|"[^"\n]*\"?""",
    re.DOTALL,
)
_WRAPPED = re.compile(r"\bwrapped\s*\n\s*a000000\b|\bwrapped\b(?=\s*\n\s*[0-9a-f]+\s*\n)", re.IGNORECASE)
_DECLARED = re.compile(r"\b(?:PROCEDURE|FUNCTION|BEGIN|END)\b", re.IGNORECASE)
_HEADER = re.compile(r"\bPACKAGE\s+(?:BODY\s+)?\S+?\s+(?:AUTHID\s+\w+\s+)?(?:IS|AS)\b", re.IGNORECASE)
_NO_VARIABLE = re.compile(r"\s*(?:TYPE|SUBTYPE|CURSOR|PRAGMA)\b|\s*\S+\s+(?:CONSTANT|EXCEPTION)\b", re.IGNORECASE)
_VARIABLE = re.compile(r"\s*(\"[^\"]+\"|[A-Za-z][\w$#]*)\s+[A-Za-z\"]", re.IGNORECASE)

OF_OBJECT = {"PACKAGE BODY": "PACKAGE", "TYPE BODY": "TYPE"}
"""Body -> the object that is counted for it."""


def bare(source: str) -> str:
    """The source in as many lines, without comments; a constant is left as '…', one without text as ''."""
    parts, place = [], 0
    while (match := _TOKEN.search(source, place)) is not None:
        parts.append(source[place : match.start()])
        token, place = match[0], match.end()
        if match["quote"] is not None:
            end = source.find(_CLOSING.get(match["quote"], match["quote"]) + "'", place)
            place = len(source) if end < 0 else end + 2
            token = source[match.start() : place]
            parts.append("'…'" + "\n" * token.count("\n"))
        elif match["string"] is not None:
            parts.append(("'…'" if match["string"] else "''") + "\n" * token.count("\n"))
        elif token.startswith('"'):
            parts.append(token)
        else:
            parts.append(" " + "\n" * token.count("\n"))
    return "".join((*parts, source[place:]))


@dataclass(frozen=True)
class CodeObject:
    """One object with a source: a function, procedure, package, trigger, type or view."""

    schema: str
    kind: str
    name: str
    source: str

    @property
    def shown(self) -> str:
        return visible(f"{self.schema}.{self.name}")

    @property
    def of(self) -> tuple[str, str, str]:
        return (OF_OBJECT.get(self.kind, self.kind), self.schema, self.name)

    @cached_property
    def bare(self) -> str:
        return bare(self.source)

    @property
    def wrapped(self) -> bool:
        return bool(_WRAPPED.search(self.source[:2000]))

    def line(self, number: int) -> str:
        """One line of the source, counted from 1."""
        lines = self.source.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""


def code_objects(dictionary: Dictionary) -> list[CodeObject]:
    """Every object with a source, its lines put together in order."""
    lines: dict[tuple[str, str, str], list[tuple[int, str]]] = defaultdict(list)
    for row in dictionary.rows("code_sources"):
        of = (text(row, "schema_name"), text(row, "object_type"), text(row, "object_name"))
        lines[of].append((row.get("line") or 0, text(row, "text").rstrip("\r\n")))
    found = [
        CodeObject(schema, kind, name, "\n".join(line for _, line in sorted(numbered)))
        for (schema, kind, name), numbered in lines.items()
    ]
    return [*found, *_queries(dictionary.rows("views"), "VIEW", "view_name", "text"),
            *_queries(dictionary.rows("materialized_views"), "MATERIALIZED VIEW", "mview_name", "query")]  # fmt: skip


def _queries(rows: tuple[Row, ...], kind: str, name: str, column: str) -> Iterator[CodeObject]:
    for row in rows:
        yield CodeObject(text(row, "schema_name"), kind, text(row, name), text(row, column))


def package_variables(code: CodeObject) -> list[str]:
    """What a package declares for the whole session: neither constants nor types, cursors and exceptions."""
    header = _HEADER.search(code.bare)
    if header is None:
        return []
    rest = code.bare[header.end() :]
    first = _DECLARED.search(rest)
    declarations = rest[: first.start() if first else len(rest)].split(";")
    found = [match[1] for one in declarations if not _NO_VARIABLE.match(one) and (match := _VARIABLE.match(one))]
    return [visible(name) for name in found]
