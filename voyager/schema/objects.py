"""Reads which object a DDL statement is about: its kind, its name in the catalog's spelling and its name for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from voyager.identifiers import Identifier, TableName, visible
from voyager.schema.reader import Reader, readable


@dataclass(frozen=True)
class Named:
    """An object as a statement names it. `event` is the event of a rule, `guarded` says IF [NOT] EXISTS was there."""

    kind: str
    label: str
    schema: str = ""
    name: str = ""
    table: TableName | None = None
    event: str = ""
    guarded: bool = False


def read_object(reader: Reader, *, create: bool) -> Named | None:
    """Read the words for the object's kind and then its name; None when the kind is not known."""
    for words, kind, read in _BY_FIRST_WORD.get(reader.word(), ()):
        if reader.accept(*words):
            reader.accept("concurrently")
            guarded = reader.accept("if", "not", "exists") or reader.accept("if", "exists")
            named = (_CREATED.get(kind, read) if create else read)(reader, kind)
            return replace(named, guarded=True) if guarded else named
    return None


def _qualified(reader: Reader, kind: str) -> Named:
    if kind in {"table", "foreign_table", "index"}:
        reader.accept("only")
    return _named(kind, reader.qualified())


def _named(kind: str, parts: tuple[str, ...]) -> Named:
    schema = parts[-2] if len(parts) >= 2 else ""
    name = parts[-1] if parts else ""
    table = TableName(schema, name) if schema and kind in {"table", "foreign_table", "materialized_view"} else None
    return Named(kind, readable(parts), schema=schema, name=name, table=table)


def _plain(reader: Reader, kind: str) -> Named:
    name = reader.name()
    label = str(Identifier(name)) if name else reader.rest()[:60]
    return Named(kind, label, schema=name if kind == "schema" else "", name=name)


def _signature(reader: Reader, kind: str) -> Named:
    parts = reader.qualified()
    named = _named(kind, parts)
    return Named(kind, named.label + reader.arguments(), schema=named.schema, name=named.name)


def _created_operator(reader: Reader, kind: str) -> Named:
    parts = reader.operator()
    label = ".".join((*(str(Identifier(part)) for part in parts[:-1]), parts[-1]))
    return Named(kind, label, schema=parts[0] if len(parts) > 1 else "", name=parts[-1])


def _operator(reader: Reader, kind: str) -> Named:
    named = _created_operator(reader, kind)
    return replace(named, label=named.label + reader.arguments())


def _created_index(reader: Reader, kind: str) -> Named:
    name = "" if reader.word() == "on" else reader.name()
    return _on_table(reader, kind, name)


def _on_table_object(reader: Reader, kind: str) -> Named:
    """Triggers, policies and constraints: a name within a table (a constraint may belong to a domain)."""
    return _on_table(reader, kind, reader.name())


def _on_table(reader: Reader, kind: str, name: str) -> Named:
    parts: tuple[str, ...] = ()
    if reader.skip_to("on"):
        reader.accept("only")
        reader.accept("domain")
        parts = reader.qualified()
    return _belonging(kind, name, parts)


def _belonging(kind: str, name: str, parts: tuple[str, ...], event: str = "") -> Named:
    table = TableName(parts[-2], parts[-1]) if len(parts) >= 2 else None
    label = f"{Identifier(name) if name else '(unnamed)'} ON {readable(parts)}"
    return Named(kind, label, schema=table.schema if table else "", name=name, table=table, event=event)


def _created_rule(reader: Reader, kind: str) -> Named:
    name = reader.name()
    reader.accept("as")
    event = reader.word(1) if reader.word() == "on" else ""
    parts = reader.qualified() if reader.skip_to("to") else ()
    return _belonging(kind, name, parts, event)


def _cast(reader: Reader, kind: str) -> Named:
    label = reader.arguments()
    return Named(kind, label, name=label)


def _transform(reader: Reader, kind: str) -> Named:
    reader.accept("for")
    parts = reader.qualified()
    reader.accept("language")
    return Named(kind, f"{readable(parts)} LANGUAGE {visible(reader.name())}", name="".join(parts[-1:]))


def _using(reader: Reader, kind: str) -> Named:
    """Operator classes and families: a qualified name and an index method."""
    named = _named(kind, reader.qualified())
    at = reader.at
    method = reader.name() if reader.skip_to("using") else ""
    reader.at = at
    return Named(kind, f"{named.label} USING {visible(method)}", schema=named.schema, name=named.name)


def _column(reader: Reader, kind: str) -> Named:
    parts = reader.qualified()
    if len(parts) < 3:
        return _named(kind, parts)
    table = TableName(parts[-3], parts[-2])
    return Named(kind, f"{table}.{Identifier(parts[-1])}", schema=table.schema, name=parts[-1], table=table)


def _user_mapping(reader: Reader, kind: str) -> Named:
    reader.accept("for")
    user = reader.name()
    reader.accept("server")
    return Named(kind, f"{visible(user)} ON SERVER {visible(reader.name())}", name=user)


Read = Callable[[Reader, str], Named]

# Longer phrases stand before the shorter ones that they begin with.
_OBJECTS: tuple[tuple[tuple[str, ...], str, Read], ...] = (
    (("access", "method"), "access_method", _plain),
    (("aggregate",), "aggregate", _signature),
    (("cast",), "cast", _cast),
    (("collation",), "collation", _qualified),
    (("column",), "column", _column),
    (("constraint",), "constraint", _on_table_object),
    (("conversion",), "conversion", _qualified),
    (("database",), "database", _plain),
    (("domain",), "domain", _qualified),
    (("event", "trigger"), "event_trigger", _plain),
    (("extension",), "extension", _plain),
    (("foreign", "data", "wrapper"), "foreign_data_wrapper", _plain),
    (("foreign", "server"), "server", _plain),
    (("foreign", "table"), "foreign_table", _qualified),
    (("function",), "function", _signature),
    (("routine",), "function", _signature),
    (("procedure",), "procedure", _signature),
    (("index",), "index", _qualified),
    (("procedural", "language"), "language", _plain),
    (("language",), "language", _plain),
    (("large", "object"), "large_object", _plain),
    (("materialized", "view"), "materialized_view", _qualified),
    (("operator", "class"), "operator_class", _using),
    (("operator", "family"), "operator_family", _using),
    (("operator",), "operator", _operator),
    (("policy",), "policy", _on_table_object),
    (("publication",), "publication", _plain),
    (("role",), "role", _plain),
    (("rule",), "rule", _on_table_object),
    (("schema",), "schema", _plain),
    (("sequence",), "sequence", _qualified),
    (("server",), "server", _plain),
    (("statistics",), "statistics", _qualified),
    (("subscription",), "subscription", _plain),
    (("table",), "table", _qualified),
    (("tablespace",), "tablespace", _plain),
    (("text", "search", "configuration"), "text_search", _qualified),
    (("text", "search", "dictionary"), "text_search", _qualified),
    (("text", "search", "parser"), "text_search", _qualified),
    (("text", "search", "template"), "text_search", _qualified),
    (("transform",), "transform", _transform),
    (("trigger",), "trigger", _on_table_object),
    (("type",), "type", _qualified),
    (("user", "mapping"), "user_mapping", _user_mapping),
    (("view",), "view", _qualified),
)

# CREATE puts more between the object's name and its table than COMMENT ON or ALTER do.
_CREATED: dict[str, Read] = {"index": _created_index, "operator": _created_operator, "rule": _created_rule}

_BY_FIRST_WORD = {
    first: tuple(row for row in _OBJECTS if row[0][0] == first) for first in {words[0] for words, _, _ in _OBJECTS}
}
