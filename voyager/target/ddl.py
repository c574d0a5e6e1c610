"""Execute DDL on the target one statement at a time, and find out afterwards whether a statement has taken effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from voyager.errors import BlockersFound, OutOfSpace
from voyager.identifiers import TableName, visible
from voyager.postgres.attempts import repeat
from voyager.postgres.connection import (
    Connection,
    DriverError,
    connection_lost,
    primary_message,
    retryable,
    sqlstate,
    translate,
)

Failure = Literal["missing_dependency", "already_exists", "permission", "other"]

# What pg_dump's own script sets, so that its text means here what it meant there. Names are qualified in it.
_SETTINGS = {
    "search_path": "",
    "check_function_bodies": "off",
    "xmloption": "content",
    "row_security": "off",
    "default_tablespace": "",
}

# 42803: a query that groups by a primary key lacks the key.
_MISSING = frozenset({"42P01", "42704", "42883", "42703", "3F000", "42830", "42803"})
_EXISTS = frozenset({"42P07", "42710", "42723", "42P06", "42701"})
_EXISTS_TEXT = re.compile(
    r"already exists|multiple primary keys for|is already a partition|already an identity column"
    r"|would be inherited from more than once|is already attached",
)


class StatementFailed(BlockersFound):
    """The target refused one statement. `reason` is the server's sentence, `failure` says what to do about it."""

    def __init__(self, what: str, reason: str, hint: str, *, failure: Failure, state: str) -> None:
        super().__init__(f"The target refused {what}: {reason}", hint)
        self.reason = reason
        self.failure: Failure = failure
        self.sqlstate = state
        if failure == "permission":
            self.exit_code = 9


def prepare(connection: Connection) -> None:
    """Set what every statement of a schema relies on. `Target.connect` has done it."""
    _set(connection, _SETTINGS)


def configure(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set what this session does otherwise than the server's default."""
    if not settings:
        return
    try:
        _set(connection, settings)
    except DriverError as error:
        raise translate(error, f"set {', '.join(settings)} in the target") from None


def execute(connection: Connection, sql: str, *, what: str = "the statement") -> None:
    """Execute one statement in a transaction of its own; again after a conflict with other DDL.

    `what` names it in an error ("the refresh of sales.totals"). Raises StatementFailed when the target refuses it,
    DatabaseAway when the connection is lost: then the statement may have taken effect (ask `object_exists` on a new
    connection).
    """
    if not connection.autocommit:
        raise ValueError("DDL needs a connection in autocommit")
    try:
        # Bytes, without parameters: a % in the text stays a %.
        repeat(connection.execute, sql.encode("utf-8"))
    except DriverError as error:
        # Class 08 on a connection that stands: what the server itself could not reach (a foreign server).
        lost = connection.closed or (connection_lost(error) and not sqlstate(error).startswith("08"))
        raise _failed(error, what, lost=lost) from None


def execute_together(connection: Connection, statements: Sequence[str], *, note: tuple[str, Sequence[str]]) -> bool:
    """Execute statements and `note` (SQL with its values) in one transaction, again after a conflict.

    False when the target refuses one of them: then none has taken effect, and each is to be executed by itself. Raises
    DatabaseAway when the connection is lost: what is noted tells whether they have.
    """
    # A line break before each semicolon: the text may end in a comment.
    script = "".join(f"{statement}\n;\n" for statement in statements).encode("utf-8")
    sql, values = note

    def attempt() -> None:
        with connection.transaction():
            connection.execute(script)
            connection.execute(sql.encode(), values)

    try:
        repeat(attempt)
    except DriverError as error:
        lost = connection.closed or (connection_lost(error) and not sqlstate(error).startswith("08"))
        failure = _failed(error, "several statements", lost=lost)
        if isinstance(failure, StatementFailed):
            return False
        raise failure from None
    return True


def classify_failure(error: BaseException) -> Failure:
    """What a refused statement calls for: try later, count it as done, ask for a grant, or report it."""
    if isinstance(error, StatementFailed):
        return error.failure
    state = sqlstate(error)
    # The text decides only where one SQLSTATE stands for several things (42P16, 42809, 55000).
    if state in _EXISTS or (state and _EXISTS_TEXT.search(primary_message(error))):
        return "already_exists"
    if state in _MISSING:
        return "missing_dependency"
    return "permission" if state == "42501" else "other"


def object_exists(
    connection: Connection,
    *,
    kind: str,
    name: str,
    schema: str = "",
    table: TableName | None = None,
    text: str = "",
) -> bool | None:
    """Whether a CREATE (or ADD CONSTRAINT) of this kind and name has taken effect, None where that cannot be told.

    None means: execute it again and count "already exists" as done. `text` is the statement's: what only alters
    an object does not prove itself by the object's existence.
    """
    lookup = _LOOKUPS.get(kind)
    alters = re.match(r"\s*alter\b", text, re.IGNORECASE) is not None
    if lookup is None or not name or (alters and kind not in _CONSTRAINTS):
        return None
    names = {"schema": schema, "name": name, "relkinds": list(lookup.relkinds)}
    names |= {"table_schema": table.schema, "table": table.name} if table else {"table_schema": "", "table": ""}
    try:
        row = repeat(connection.execute, lookup.sql.encode(), names).fetchone()
    except DriverError as error:
        raise translate(error, f"look for {kind} {visible(name)} in the target") from error
    if row is None:
        return False
    return None if lookup.hint_only or row[0] is None else bool(row[0])


def drop_invalid_indexes(connection: Connection, names: Iterable[TableName]) -> list[TableName]:
    """Drop those of the named indexes that a broken-off online build left invalid, and return which they were.

    An index that is being built now, and the invalid-until-attached index of a partitioned table, stay.
    """
    wanted = list(names)
    named = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    try:
        found = repeat(connection.execute, _INVALID_INDEXES.encode(), named).fetchall()
    except DriverError as error:
        raise translate(error, "look for invalid indexes in the target") from error
    dropped = [TableName(schema, name) for schema, name in found]
    for index in dropped:
        execute(connection, f"DROP INDEX IF EXISTS {index.sql}")
    return dropped


def _set(connection: Connection, settings: Mapping[str, str]) -> None:
    calls = ", ".join("pg_catalog.set_config(%s, %s, false)" for _ in settings)
    connection.execute(f"SELECT {calls}", [word for pair in settings.items() for word in pair])


def _failed(error: DriverError, what: str, *, lost: bool) -> Exception:
    translated = translate(error, f"execute {what} on the target")
    if lost or isinstance(translated, OutOfSpace) or (retryable(error) and not connection_lost(error)):
        return translated
    hint = error.diag.message_hint or ""
    failure = classify_failure(error)
    return StatementFailed(what, primary_message(error), visible(hint), failure=failure, state=sqlstate(error))


@dataclass(frozen=True)
class _Lookup:
    """How to look an object up: a query with one row when it is there. `hint_only`: a row is no proof."""

    sql: str
    relkinds: tuple[str, ...] = ()
    hint_only: bool = False


_RELATION = """
SELECT true FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND c.relkind::text = ANY (%(relkinds)s)
"""
_INDEX = """
SELECT i.indisvalid OR c.relkind = 'I'
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relname = %(name)s
"""
_CONSTRAINT = """
SELECT true FROM pg_catalog.pg_constraint k
LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
JOIN pg_catalog.pg_namespace n ON n.oid = coalesce(c.relnamespace, t.typnamespace)
WHERE k.conname = %(name)s
  AND CASE WHEN %(table)s = '' THEN c.oid IS NULL AND n.nspname = %(schema)s
           ELSE n.nspname = %(table_schema)s AND c.relname = %(table)s END
"""
_OF_TABLE = """
SELECT true FROM pg_catalog.{catalog} x
JOIN pg_catalog.pg_class c ON c.oid = x.{relation}
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE x.{column} = %(name)s AND n.nspname = %(table_schema)s AND c.relname = %(table)s
"""
_IN_SCHEMA = """
SELECT {answer} FROM pg_catalog.{catalog} x JOIN pg_catalog.pg_namespace n ON n.oid = x.{prefix}namespace
WHERE x.{prefix}name = %(name)s AND n.nspname = %(schema)s
"""
_GLOBAL = "SELECT true FROM pg_catalog.{catalog} WHERE {column} = %(name)s"
_INVALID_INDEXES = """
SELECT n.nspname, c.relname
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN ROWS FROM (pg_catalog.unnest(%(schemas)s::text[]), pg_catalog.unnest(%(names)s::text[])) AS wanted (schema, name)
  ON n.nspname = wanted.schema AND c.relname = wanted.name
WHERE NOT i.indisvalid
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)
ORDER BY 1, 2
"""

_CONSTRAINTS = frozenset({"primary_key", "unique", "check", "foreign_key", "not_valid_constraint", "exclusion"})


def _in_schema(catalog: str, prefix: str, *, answer: str = "true", hint_only: bool = False) -> _Lookup:
    return _Lookup(_IN_SCHEMA.format(catalog=catalog, prefix=prefix, answer=answer), hint_only=hint_only)


def _of_table(catalog: str, relation: str, column: str) -> _Lookup:
    return _Lookup(_OF_TABLE.format(catalog=catalog, relation=relation, column=column))


def _global(catalog: str, column: str) -> _Lookup:
    return _Lookup(_GLOBAL.format(catalog=catalog, column=column))


_LOOKUPS: Mapping[str, _Lookup] = {
    "schema": _global("pg_namespace", "nspname"),
    "extension": _global("pg_extension", "extname"),
    "language": _global("pg_language", "lanname"),
    "access_method": _global("pg_am", "amname"),
    "foreign_data_wrapper": _global("pg_foreign_data_wrapper", "fdwname"),
    "server": _global("pg_foreign_server", "srvname"),
    "publication": _global("pg_publication", "pubname"),
    "event_trigger": _global("pg_event_trigger", "evtname"),
    # A shell type is there before its definition: then nothing is proven.
    "type": _in_schema("pg_type", "typ", answer="CASE WHEN x.typisdefined THEN true END"),
    "domain": _in_schema("pg_type", "typ"),
    "collation": _in_schema("pg_collation", "coll"),
    "conversion": _in_schema("pg_conversion", "con"),
    "statistics": _in_schema("pg_statistic_ext", "stx"),
    # Functions and operators may be overloaded: another one of the same name proves nothing.
    "function": _in_schema("pg_proc", "pro", hint_only=True),
    "procedure": _in_schema("pg_proc", "pro", hint_only=True),
    "aggregate": _in_schema("pg_proc", "pro", hint_only=True),
    "operator": _in_schema("pg_operator", "opr", hint_only=True),
    "operator_class": _in_schema("pg_opclass", "opc", hint_only=True),
    "operator_family": _in_schema("pg_opfamily", "opf", hint_only=True),
    "sequence": _Lookup(_RELATION, ("S",)),
    "table": _Lookup(_RELATION, ("r", "p")),
    "foreign_table": _Lookup(_RELATION, ("f",)),
    "view": _Lookup(_RELATION, ("v", "m")),
    "materialized_view": _Lookup(_RELATION, ("m",)),
    "index": _Lookup(_INDEX),
    "trigger": _of_table("pg_trigger", "tgrelid", "tgname"),
    "rule": _of_table("pg_rewrite", "ev_class", "rulename"),
    "policy": _of_table("pg_policy", "polrelid", "polname"),
    **{kind: _Lookup(_CONSTRAINT) for kind in sorted(_CONSTRAINTS)},
}
