"""Statement: one piece of DDL with its kind, its object and its place; and pg_dump's text taken apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from voyager.catalog import Disposition
from voyager.identifiers import Identifier, TableName, visible
from voyager.schema.kinds import LEFT_OUT, POST_DATA, PRE_DATA, SECTIONS
from voyager.schema.lexer import ParseError, RawStatement, split, tokens
from voyager.schema.objects import Named, read_object
from voyager.schema.reader import Reader, readable


@dataclass(frozen=True)
class Statement:
    """One DDL statement, without its semicolon.

    `object_name` is for people, `schema` and `name` are the object's as the catalog spells them (`schema` is "" for
    what lives outside schemas), `table` is the relation it belongs to. `target` is the kind of the object that a
    comment, grant or owner is about. `repeatable` says that running it twice does no harm and raises no error.
    """

    text: str
    kind: str
    object_name: str
    schema: str = ""
    name: str = ""
    table: TableName | None = None
    line: int = 0
    file: str = ""
    sha256: str = ""
    section: str = PRE_DATA
    target: str = ""
    repeatable: bool = False


@dataclass(frozen=True)
class Dump:
    """A dump taken apart: what can be executed, and what is left out with the reason."""

    statements: tuple[Statement, ...]
    left_out: tuple[Disposition, ...] = ()


# What ALTER TABLE (or ALTER of anything like a table) does, by the words after the table's name.
_ACTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("attach", "partition"), "attach_partition"),
    (("inherit",), "inheritance"),
    (("cluster",), "cluster"),
    (("set", "without", "cluster"), "cluster"),
    (("replica", "identity"), "replica_identity"),
    (("enable", "row"), "row_security"),
    (("disable", "row"), "row_security"),
    (("force", "row"), "row_security"),
    (("no", "force", "row"), "row_security"),
    (("validate", "constraint"), "validate_constraint"),
    (("owner", "to"), "owner"),
    (("add", "column"), "table"),
)
_CONSTRAINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("primary", "key"), "primary_key"),
    (("unique",), "unique"),
    (("check",), "check"),
    (("not", "null"), "check"),
    (("foreign", "key"), "foreign_key"),
    (("exclude",), "exclusion"),
)
_COLUMN_ACTIONS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("set", "default"), "default"),
    (("drop", "default"), "default"),
    (("add", "generated"), "identity"),
)
_RELATIONS = {"table", "foreign_table", "view", "materialized_view"}
_ENABLE = ("enable", "disable")
# Kinds outside schemas that may name things inside them.
_BOUND = {"cast", "event_trigger", "foreign_data_wrapper", "language", "publication", "transform"}
_STATISTICS_CALL = re.compile(r"pg_restore_(relation|attribute|extended)_stats|pg_clear_\w+_stats")


def classify(text: str, *, line: int = 0, file: str = "") -> Statement:
    """Say what one statement is. Nothing is refused: what is not known becomes kind "other"."""
    reader = Reader(text)
    try:
        verb = reader.word()
        reader.at += 1
        read = _VERBS.get(verb)
        statement = read(reader) if read else None
    except ParseError:
        statement = None
    return _finish(statement or _other(text), line, file)


def split_dump(sql: str, *, schemas: Sequence[str] = (), file: str = "") -> Dump:
    """Take pg_dump's text apart: settings and psql's lines go, credentials and other schemas are left out by name.

    With `schemas`, what stands outside schemas (extensions, servers, publications) stays unless it needs another one.
    `file` is where the text stands, for those who are told of a line.
    """
    statements: list[Statement] = []
    left_out: list[Disposition] = []
    pieces = [raw for raw in split(sql) if not _is_meta(raw)]
    choice = _Choice(pieces, schemas)
    for raw in pieces:
        if _is_setting(raw, left_out):
            continue
        statement = classify(raw.text, line=raw.line, file=file)
        if reason := choice.reason_to_leave_out(statement):
            left_out.append(Disposition(statement.kind, statement.object_name, "skipped", reason))
        else:
            statements.append(statement)
    return Dump(tuple(statements), tuple(left_out))


class _Choice:
    """Which statements of a dump are wanted, seen in the dump's order."""

    def __init__(self, pieces: Sequence[RawStatement], schemas: Sequence[str]) -> None:
        created = {classify(raw.text).name for raw in pieces if raw.text[:13].upper() == "CREATE SCHEMA"}
        self._schemas = frozenset(schemas)
        self._others = created - self._schemas
        self._hosts = {host for raw in pieces if (host := _extension_schema(raw.text))}
        self._gone: set[tuple[str, str]] = set()

    def reason_to_leave_out(self, statement: Statement) -> str:
        for kind in (statement.kind, statement.target):
            if kind in LEFT_OUT:
                return LEFT_OUT[kind]
        if not self._schemas or statement.schema in self._schemas:
            return ""
        if statement.schema:
            # An extension stays, so the schema it is put into does.
            hosts = statement.kind == "schema" and statement.schema in self._hosts
            return "" if hosts else "its schema was not chosen"
        return self._reason_outside_schemas(statement)

    def _reason_outside_schemas(self, statement: Statement) -> str:
        about = (statement.target or statement.kind, statement.name)
        if about in self._gone:
            return f"it belongs to {statement.object_name}, which is left out"
        if statement.kind in _BOUND and (others := self._others & _schemas_named(statement.text)):
            self._gone.add(about)
            return f"it needs schema {visible(min(others))}, which was not chosen"
        return ""


def _extension_schema(text: str) -> str:
    if text[:16].upper() != "CREATE EXTENSION":
        return ""
    reader = Reader(text)
    return reader.name() if reader.skip_to("schema") else ""


def _is_meta(raw: RawStatement) -> bool:
    if not raw.text.startswith("\\"):
        return False
    if re.fullmatch(r"\\(un)?restrict [A-Za-z0-9]+", raw.text.rstrip()):
        return True
    raise ParseError(
        f"Line {raw.line} of the dump is a psql command: {visible(raw.text[:60])}.",
        line=raw.line,
        hint="Nothing but pg_dump's own \\restrict lines is expected here; look at the dump before using it.",
    )


def _is_setting(raw: RawStatement, left_out: list[Disposition]) -> bool:
    if re.match(r"SELECT\s+pg_catalog\.set_config\(", raw.text):
        return True
    setting = re.match(r"SET\s+(?:SESSION\s+)?(\w+)\s*(?:=|TO)\s*(.*)", raw.text, re.IGNORECASE | re.DOTALL)
    if setting is None:
        return False
    name, value = setting.group(1).lower(), setting.group(2).strip().strip("'\"")
    plain = {"default_table_access_method": {"heap", ""}, "default_tablespace": {""}}
    if name in plain and value not in plain[name]:
        what = "table access method" if name == "default_table_access_method" else "tablespace"
        found = Disposition(what, visible(value), "skipped", f"tables are created with the target's own {what}")
        if found not in left_out:
            left_out.append(found)
    return True


def _schemas_named(text: str) -> set[str]:
    return {token.value for token, after in pairwise(tokens(text)) if after.value == "." and after.kind == "symbol"}


def _finish(statement: Statement, line: int, file: str) -> Statement:
    digest = hashlib.sha256(statement.text.encode("utf-8", "surrogatepass")).hexdigest()
    section = statement.section
    if statement.kind in {"comment", "owner", "grant", "security_label"}:
        # A comment on a constraint does not say whether it is a foreign key.
        section = POST_DATA if statement.target == "constraint" else SECTIONS.get(statement.target, PRE_DATA)
    elif section == PRE_DATA:
        section = SECTIONS.get(statement.kind, PRE_DATA)
    return replace(statement, line=line, file=file, sha256=digest, section=section)


def _other(text: str) -> Statement:
    return Statement(text=text, kind="other", object_name=visible(" ".join(text.split())[:60]))


def _statement(reader: Reader, kind: str, named: Named, *, target: str = "", repeatable: bool = False) -> Statement:
    return Statement(
        text=reader.text,
        kind=kind,
        object_name=named.label,
        schema=named.schema,
        name=named.name,
        table=named.table,
        target=target,
        repeatable=repeatable,
    )


def _create(reader: Reader) -> Statement | None:
    replaces = reader.accept("or", "replace")
    reader.accept_any("global", "local", "trusted", "recursive", "constraint", "unique")
    reader.accept_any("unlogged", "temp", "temporary", "procedural", "default")
    reader.accept("recursive")
    named = read_object(reader, create=True)
    if named is None:
        return None
    kind = named.kind
    if kind == "view" and replaces:
        kind = "view_replacement"
    if kind == "rule" and named.event == "select":
        kind = "view_replacement"
    return _statement(reader, kind, named, repeatable=replaces or named.guarded)


def _alter(reader: Reader) -> Statement | None:
    if reader.accept("default", "privileges"):
        schema = reader.name() if reader.skip_to("in", "schema") else ""
        privileges = Named("default_privileges", "default privileges", schema=schema)
        return _statement(reader, "default_privileges", privileges, repeatable=True)
    named = read_object(reader, create=False)
    if named is None:
        return None
    if named.kind in _RELATIONS:
        return _alter_relation(reader, named)
    if reader.has("owner", "to"):
        return _statement(reader, "owner", named, target=named.kind, repeatable=True)
    if reader.has("depends", "on", "extension"):
        return _statement(reader, "extension_dependency", named, repeatable=True)
    by_kind: dict[str, Callable[[Reader, Named], Statement]] = {
        "index": _alter_index,
        "sequence": _alter_sequence,
        "domain": _alter_domain,
    }
    if named.kind in by_kind:
        return by_kind[named.kind](reader, named)
    return _statement(reader, named.kind, named, repeatable=not reader.has("add"))


def _alter_relation(reader: Reader, named: Named) -> Statement:
    table = TableName(named.schema, named.name) if named.schema else None
    named = replace(named, table=table)
    if reader.accept_any(*_ENABLE):
        reader.accept_any("always", "replica")
        if kind := reader.accept_any("trigger", "rule"):
            return _statement(reader, kind, _on(reader.name(), named), repeatable=True)
        reader.at -= 1
    for words, kind in _ACTIONS:
        if reader.accept(*words):
            target = named.kind if kind == "owner" else ""
            repeatable = kind not in {"attach_partition", "inheritance", "table"}
            return _statement(reader, kind, named, target=target, repeatable=repeatable)
    if reader.accept("add"):
        return _add_constraint(reader, named)
    if reader.accept("alter"):
        reader.accept("column")
        return _alter_column(reader, named)
    if reader.accept("depends", "on"):
        return _statement(reader, "extension_dependency", named, repeatable=True)
    return _statement(reader, "table_setting", named, repeatable=True)


def _add_constraint(reader: Reader, named: Named) -> Statement:
    name = reader.name() if reader.accept("constraint") else ""
    kind = next((kind for words, kind in _CONSTRAINTS if reader.accept(*words)), "")
    if not kind:
        return _statement(reader, "table", named)
    if reader.has("not", "valid"):
        kind = "not_valid_constraint"
    return _statement(reader, kind, _on(name, named))


def _alter_column(reader: Reader, named: Named) -> Statement:
    column = reader.name()
    named = replace(named, label=f"{named.label}.{Identifier(column) if column else ''}")
    for words, kind in _COLUMN_ACTIONS:
        if reader.accept(*words):
            return _statement(reader, kind, named, repeatable=kind == "default")
    return _statement(reader, "column_setting", named, repeatable=True)


def _alter_index(reader: Reader, named: Named) -> Statement:
    attach = reader.accept("attach", "partition")
    # Attaching an index that is attached already to the same parent is silently accepted by the server.
    return _statement(reader, "index_attach" if attach else "index_setting", named, repeatable=True)


def _alter_sequence(reader: Reader, named: Named) -> Statement:
    if not reader.accept("owned", "by"):
        return _statement(reader, "sequence_setting", named, repeatable=True)
    owner = reader.qualified()
    table = TableName(owner[-3], owner[-2]) if len(owner) >= 3 else None
    return _statement(reader, "sequence_owner", replace(named, table=table), repeatable=True)


def _alter_domain(reader: Reader, named: Named) -> Statement:
    if reader.accept("add"):
        name = reader.name() if reader.accept("constraint") else ""
        kind = "not_valid_constraint" if reader.has("not", "valid") else "domain"
        return _statement(reader, kind, _on(name, named))
    return _statement(reader, "domain", named, repeatable=True)


def _on(name: str, named: Named) -> Named:
    label = f"{Identifier(name)} ON {named.label}" if name else named.label
    return replace(named, name=name or named.name, label=label)


def _comment(reader: Reader) -> Statement | None:
    return _about(reader, "comment") if reader.accept("on") else None


def _grant(reader: Reader) -> Statement | None:
    if reader.skip_to("on"):
        return _about(reader, "grant")
    return _statement(reader, "grant", Named("role", f"role {reader.rest()[:60]}"), target="role", repeatable=True)


def _security_label(reader: Reader) -> Statement | None:
    return _about(reader, "security_label") if reader.skip_to("on") else None


def _about(reader: Reader, kind: str) -> Statement:
    named = read_object(reader, create=False) or Named("", reader.rest()[:60])
    return _statement(reader, kind, named, target=named.kind, repeatable=True)


def _refresh(reader: Reader) -> Statement | None:
    if not reader.accept("materialized", "view"):
        return None
    reader.accept("concurrently")
    parts = reader.qualified()
    named = Named("refresh", readable(parts), schema=parts[-2] if len(parts) > 1 else "", name=parts[-1])
    return _statement(reader, "refresh", named, repeatable=True)


def _cluster(reader: Reader) -> Statement | None:
    parts = reader.qualified()
    named = Named("cluster", readable(parts), schema=parts[-2] if len(parts) > 1 else "", name="".join(parts[-1:]))
    return _statement(reader, "cluster", named, repeatable=True)


def _select(reader: Reader) -> Statement | None:
    if reader.symbol() == "*":
        reader.skip_to("from")
    called = reader.qualified()
    function = called[-1] if called else ""
    if function == "lo_create":
        return _statement(reader, "large_object", Named("large_object", reader.rest()[:60]))
    if function == "setval":
        return _statement(reader, "sequence_value", Named("sequence_value", reader.rest()[:60]))
    if function and _STATISTICS_CALL.fullmatch(function):
        return _statement(reader, "planner_statistics", Named("planner_statistics", "planner statistics"))
    return None


_VERBS: dict[str, Callable[[Reader], Statement | None]] = {
    "create": _create,
    "alter": _alter,
    "comment": _comment,
    "grant": _grant,
    "revoke": _grant,
    "security": _security_label,
    "refresh": _refresh,
    "cluster": _cluster,
    "select": _select,
}

__all__ = ["POST_DATA", "PRE_DATA", "Dump", "Statement", "classify", "split_dump"]
