"""The statements inside routines: of functions, procedures and DO blocks, and what could not be read of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from voyager.schema.dynamic import Template, statements_of, template_of
from voyager.schema.issues.detect import constructs, leftovers
from voyager.schema.issues.issue import Hit
from voyager.schema.model import SchemaModel, TypeRef, type_ref
from voyager.schema.parse import ParseError, enum_name, items, name_of, parse, scan, split, strings
from voyager.schema.plpgsql import DYNAMIC, EXPRESSION, STATEMENT, VARIABLE, Piece, read_body
from voyager.schema.statements import Statement
from voyager.schema.tokens import Tokens

UNREAD, UNREAD_DYNAMIC = "unread", "unread dynamic"


@dataclass(frozen=True)
class InnerStatement:
    """One statement or expression inside a routine.

    `text` is for people; `sql` is what `tree` was parsed from, which is None where nothing was. The kind is a
    statement, an expression, dynamic (what an EXECUTE runs), a variable (of the type `declares`), unread (the
    `reason` says why) or unread dynamic. `variables` are the names that the routine gives to values, by their types.
    """

    text: str
    tree: Any
    line: int
    kind: str
    sql: str = ""
    variables: Mapping[str, TypeRef] = field(default_factory=dict)
    declares: TypeRef | None = None
    reason: str = ""
    printed: bool = False
    """Whether the server has printed it, and not its author written it: so with SQL-standard bodies."""


def inner_statements(statement: Statement, tree: Any) -> Iterator[InnerStatement]:
    """Yield what stands inside a CREATE FUNCTION, CREATE PROCEDURE or DO; nothing for other statements."""
    yield from _inside(statement.text, tree, statement.line)


def hits(inner: InnerStatement, model: SchemaModel) -> Iterator[Hit]:
    """Yield the issues of one inner statement; that it could not be read is one as well."""
    if inner.kind == UNREAD:
        yield Hit("UNPARSABLE_BODY", details={"Reason": inner.reason})
        yield from leftovers.in_unread_body(inner.text)
    elif inner.kind == UNREAD_DYNAMIC:
        yield Hit("DYNAMIC_SQL_NOT_READ")
    if inner.declares is not None:
        yield from constructs.detect_type(inner.declares, model)
    if inner.tree is not None:
        yield from constructs.detect(
            inner.tree, model, text=inner.sql, variables=inner.variables, printed=inner.printed
        )  # fmt: skip


def _inside(text: str, tree: Any, line: int) -> Iterator[InnerStatement]:
    kind = name_of(tree)
    if kind == "DoStmt":
        yield from _routine(text, tree.args, line, {})
    elif kind == "CreateFunctionStmt" and tree.HasField("sql_body"):
        yield from _standard_body(text, line, _parameters(tree))
    elif kind == "CreateFunctionStmt":
        yield from _routine(text, tree.options, line, _parameters(tree))


def _routine(text: str, options: Any, line: int, variables: dict[str, TypeRef]) -> Iterator[InnerStatement]:
    found = {option.defname: option for option in items(options)}
    language = items([found["language"].arg])[0].sval.lower() if "language" in found else "plpgsql"
    body = _body(found["as"]) if "as" in found else ""
    if not body or language not in {"sql", "plpgsql"}:
        return
    at = text.find(body)
    before = text[:at] if at >= 0 else text.encode()[: found["as"].location].decode(errors="ignore")
    first_line = line + before.count("\n")
    if language == "plpgsql":
        yield from _Plpgsql(body, first_line, variables).statements()
    else:
        yield from _sql_body(body, first_line, variables)


def _body(option: Any) -> str:
    """The text behind AS: a list of one string for a routine, a string for DO."""
    [written] = items([option.arg])
    texts = strings(written.items) if name_of(written) == "List" else (written.sval,)
    return str(texts[0]) if len(texts) == 1 else ""


def _parameters(tree: Any) -> dict[str, TypeRef]:
    """Names and numbers of a routine's parameters, and the rows that a trigger has."""
    variables: dict[str, TypeRef] = {}
    inputs = 0
    for parameter in items(tree.parameters):
        written = type_ref(parameter.arg_type)
        if enum_name(parameter, "mode") not in {"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"}:
            inputs += 1
            variables[f"${inputs}"] = written
        if parameter.name:
            variables[parameter.name] = written
    if tree.HasField("return_type") and type_ref(tree.return_type).name == "trigger":
        variables |= {"new": _RECORD, "old": _RECORD}
    return variables


def _sql_body(body: str, line: int, variables: dict[str, TypeRef]) -> Iterator[InnerStatement]:
    try:
        pieces = split(body)
    except ParseError as error:
        yield _unread(body, line + error.line - 1, error)
        return
    for raw in pieces:
        yield from _parsed(raw.text, raw.text, line + raw.line - 1, STATEMENT, variables)


def _standard_body(text: str, line: int, variables: dict[str, TypeRef]) -> Iterator[InnerStatement]:
    """BEGIN ATOMIC … END, or RETURN with an expression."""
    tokens = Tokens(text)
    end = len(tokens.tokens)
    start = tokens.find(0, end, {"begin", "return"})
    if tokens.tokens[start].value == "begin":
        start, end = start + 2, end - 1
    while start < end:
        stop = tokens.find(start, end, {";"})
        written = tokens.between(start, stop)
        returns = tokens.tokens[start].value == "return"
        sql = f"SELECT {tokens.between(start + 1, stop)}" if returns else written
        if written:
            place = line + tokens.line(tokens.tokens[start].start) - 1
            yield from (replace(one, printed=True) for one in _parsed(written, sql, place, STATEMENT, variables))
        start = stop + 1


class _Plpgsql:
    """The pieces of a PL/pgSQL body, parsed; what EXECUTE runs is followed through the variables that hold it."""

    def __init__(self, body: str, line: int, variables: dict[str, TypeRef]) -> None:
        self._body = body
        self._line = line
        self._variables = variables
        self._texts: dict[str, Template] = {}
        self._dynamic_unread = False

    def statements(self) -> Iterator[InnerStatement]:
        pieces: list[Piece] = []
        failed: ParseError | None = None
        try:
            pieces.extend(read_body(self._body))
        except ParseError as error:
            failed = error
        for piece in pieces:
            self._learn(piece)
        for piece in pieces:
            yield from self._read(piece)
        if failed is not None:
            yield _unread(self._body, self._line + failed.line - 1, failed)

    def _learn(self, piece: Piece) -> None:
        if piece.type:
            written = _written_type(piece.type)
            known = self._variables.get(piece.name)
            self._variables[piece.name] = written if known in (None, written) else _AMBIGUOUS

    def _read(self, piece: Piece) -> Iterator[InnerStatement]:
        line = self._line + piece.line - 1
        if piece.kind == VARIABLE:
            yield InnerStatement(_closed(piece.text), None, line, VARIABLE, declares=_written_type(piece.type))
        if not piece.sql:
            return
        kind = STATEMENT if piece.kind == STATEMENT else EXPRESSION
        for inner in _parsed(piece.text, piece.sql, line, kind, self._variables):
            yield inner
            if inner.tree is None or inner.kind != EXPRESSION:
                continue
            if piece.kind == DYNAMIC:
                yield from self._executed(piece, inner)
            elif piece.name and ("'" in piece.sql or "$" in piece.sql):
                self._texts[piece.name] = template_of(_only_value(inner.tree), self._texts)
            elif piece.name:
                self._texts.pop(piece.name, None)

    def _executed(self, piece: Piece, inner: InnerStatement) -> Iterator[InnerStatement]:
        template = template_of(_only_value(inner.tree), self._texts)
        found = statements_of(template)
        for sql, tree in found:
            # What has parts that are not known is shown as it stands in the body.
            text = piece.text if None in template else sql
            yield InnerStatement(_closed(text), tree, inner.line, DYNAMIC, sql, self._variables)
            yield from _inside(sql, tree, inner.line)
        if not found and not self._dynamic_unread:
            self._dynamic_unread = True
            yield InnerStatement(_closed(piece.text), None, inner.line, UNREAD_DYNAMIC)


def _parsed(text: str, sql: str, line: int, kind: str, variables: Mapping[str, TypeRef]) -> Iterator[InnerStatement]:
    try:
        tree = parse(sql)
    except ParseError as error:
        yield _unread(text, line, error)
        return
    yield InnerStatement(_closed(text), tree, line, kind, sql, variables)
    yield from _inside(sql, tree, line)


def _only_value(select: Any) -> Any:
    """The first value that `SELECT expression` gives."""
    targets = items(select.target_list[:1]) if name_of(select) == "SelectStmt" else []
    return (items([targets[0].val]) or [None])[0] if targets else None


def _unread(text: str, line: int, error: ParseError) -> InnerStatement:
    return InnerStatement(_closed(text), None, line, UNREAD, reason=error.message)


def _closed(text: str) -> str:
    text = text.strip()
    return text if text.endswith(";") else f"{text};"


_RECORD = TypeRef("", "record")
_AMBIGUOUS = TypeRef("", "")


def _written_type(text: str) -> TypeRef:
    """A type as PL/pgSQL writes it: `s.t.c%TYPE`, `s.t%ROWTYPE`, `text[]`; of several words the first will do."""
    tokens = scan(text)
    parts: list[str] = []
    at = 0
    while at < len(tokens):
        value = tokens[at].value
        parts.append(value[1:-1].replace('""', '"') if value.startswith('"') else value)
        at += 1
        if at >= len(tokens) or tokens[at].value != ".":
            break
        at += 1
    rest = [token.value for token in tokens[at:]]
    arrays = 1 if "[" in rest or "array" in rest else 0
    if rest[:2] == ["%", "type"]:
        return TypeRef("", parts[-1], arrays, of_column=tuple(parts))
    return TypeRef(parts[-2] if len(parts) > 1 else "", parts[-1] if parts else "", arrays)
