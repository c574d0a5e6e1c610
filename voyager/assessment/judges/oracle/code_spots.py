"""What stands in stored code, views and recorded statements of Oracle."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from voyager.assessment.judges.oracle.code import CodeObject, bare, package_variables
from voyager.assessment.judges.oracle.constructs import Occurrence, occurrences
from voyager.assessment.judges.oracle.dictionary import Dictionary, Spot, text
from voyager.assessment.judges.oracle.names import target_name
from voyager.schema.issues.issue import PLPGSQL_OBJECTS, QUERY_CONSTRUCTS

Found = Mapping[tuple[str, str, str], tuple[Occurrence, ...]]
"""Schema, kind and name of a code object -> what stands in it."""

_WITH_WORDS = {"ORACLE_FUNCTION", "ORACLE_SUPPLIED_PACKAGE", "ORACLE_XML_IN_CODE", "ORACLE_DATABASE_LINK_IN_CODE"}
_FILLS_KEY = re.compile(r"\.NEXTVAL\s+INTO\s+:NEW\.|:NEW\.\S+\s*:=\s*\S+\.NEXTVAL", re.IGNORECASE)
_ORDERED = re.compile(r"\b(?:FOLLOWS|PRECEDES)\b", re.IGNORECASE)
_EXPORTED_COMPOUND = re.compile(r"^\s*CREATE\s+TRIGGER\s+(\S+)\s+COMPOUND\b[^;]*;", re.IGNORECASE | re.MULTILINE)
_STATEMENTS_OF_A_KEY = 6
_SHOWN_LINES = 20


def code_spots(codes: Iterable[CodeObject], found: Found) -> Iterator[Spot]:
    for code in codes:
        if code.wrapped:
            yield Spot("ORACLE_WRAPPED_CODE", code.kind, code.shown, code.of, category=PLPGSQL_OBJECTS)
        for one in found[code.schema, code.kind, code.name]:
            if one.construct.issue_id:
                yield _at(code, one)
        if code.kind in ("PACKAGE", "PACKAGE BODY") and (names := package_variables(code)):
            details = {"VariableNames": names}
            yield Spot("ORACLE_PACKAGE_VARIABLE", code.kind, code.shown, code.of, details=details)
        if code.kind == "TRIGGER":
            yield from _of_trigger(code)


def compound_triggers(dictionary: Dictionary, codes: Iterable[CodeObject]) -> Iterator[Spot]:
    """Named as on the target, without a schema where there is one only; also from a schema that was exported."""
    sources = {(code.schema, code.name): code.source for code in codes if code.kind == "TRIGGER"}
    several = len(dictionary.metadata.schemas) > 1
    for row in dictionary.rows("triggers"):
        schema, name = text(row, "schema_name"), text(row, "trigger_name")
        if text(row, "trigger_type").startswith("COMPOUND"):
            shown = ".".join(target_name(part) for part in ((schema, name) if several else (name,)))
            source = sources.get((schema, name), "")
            statement = f"CREATE OR REPLACE {source.strip()}" if source else ""
            yield Spot("COMPOUND_TRIGGER", "TRIGGER", shown, ("TRIGGER", schema, name), statement)
    if not dictionary.answered("triggers"):
        for match in _EXPORTED_COMPOUND.finditer(dictionary.metadata.ddl):
            yield Spot("COMPOUND_TRIGGER", "TRIGGER", match[1], ("TRIGGER", "", match[1]), match[0].strip())


def query_spots(dictionary: Dictionary) -> Iterator[Spot]:
    """Recorded statements, each construct once a statement; their constants are not shown."""
    for row in dictionary.rows("db_queries_summary"):
        query = bare(text(row, "query"))
        for one in occurrences(query):
            if one.construct.issue_id:
                shown = "\n".join(line.rstrip() for line in query.strip().split("\n") if line.strip())
                yield Spot(one.construct.issue_id, "", "", statement=shown, category=QUERY_CONSTRUCTS)


def _at(code: CodeObject, one: Occurrence) -> Spot:
    details: dict[str, object] = {"Lines": list(dict.fromkeys(one.lines))[:_SHOWN_LINES]}
    if one.construct.issue_id in _WITH_WORDS:
        details["Names"] = list(one.words)
    return Spot(
        one.construct.issue_id,
        code.kind,
        code.shown,
        code.of,
        statement=code.line(one.lines[0]),
        details=details,
        category=PLPGSQL_OBJECTS,
    )


def _of_trigger(code: CodeObject) -> Iterator[Spot]:
    if _FILLS_KEY.search(code.bare) and code.bare.count(";") <= _STATEMENTS_OF_A_KEY:
        yield Spot("ORACLE_SEQUENCE_TRIGGER", code.kind, code.shown, code.of)
    if _ORDERED.search(code.bare.split("BEGIN")[0]):
        yield Spot("ORACLE_TRIGGER_ORDER", code.kind, code.shown, code.of)
