"""Holds the texts of queries, as pg_stat_statements has recorded them, against a target release."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from voyager.schema.analyze import Finding
from voyager.schema.bodies import hits as hits_of_body
from voyager.schema.bodies import inner_statements
from voyager.schema.issues.catalogue import by_id
from voyager.schema.issues.detect import Parsed, constructs
from voyager.schema.issues.detect import detect as detect_ddl
from voyager.schema.issues.issue import EA, QUERY, TP, Hit, Issue, category_of
from voyager.schema.model import SchemaModel
from voyager.schema.parse import ParseError, enum_name, name_of, parse, scan, split, walk
from voyager.schema.statements import Statement

_HIDDEN = "<insufficient privilege>"
_OWN = "/* yb-voyager"
_SHOWN, _SHOWN_LENGTH = 20, 200
_SAVEPOINTS = "SAVEPOINT_USAGE"

# What an application sends, as opposed to DDL, which the dump of the schema shows better.
_JUDGED = frozenset({
    "CallStmt", "CopyStmt", "CreateTableAsStmt", "DeclareCursorStmt", "DeleteStmt", "DoStmt", "ExecuteStmt",
    "ExplainStmt", "FetchStmt", "InsertStmt", "ListenStmt", "MergeStmt", "NotifyStmt", "PrepareStmt", "SelectStmt",
    "TransactionStmt", "UnlistenStmt", "UpdateStmt",
})  # fmt: skip
# Not in a query, but in an object of the schema.
_OF_OBJECTS = {"JSON_ARRAYAGG"}
_SYSTEM_SCHEMAS = {"information_schema", "pg_catalog", "pg_toast", "ybvoyager"}
# Where the grammar wants a text, a name or a number, a recorded query has a placeholder nevertheless.
_STAND_INS = ("'x'", "x", "1")


@dataclass(frozen=True)
class QueryText:
    """One recorded query of one node: constants are `$1`, and the text may be cut off or hidden."""

    text: str
    calls: int = 0
    node: str = "primary"


@dataclass(frozen=True)
class QueryJudgement:
    """What was found in queries; `unread` texts could not be judged, `hidden` ones were not shown to the account.

    `judged` counts different texts.
    """

    findings: tuple[Finding, ...] = ()
    unread: tuple[QueryText, ...] = ()
    hidden: int = 0
    judged: int = 0


def judge_queries(
    texts: Iterable[QueryText], model: SchemaModel, *, release: str | None, schemas: Collection[str] = ()
) -> QueryJudgement:
    """Judge each text once, on however many nodes it ran; queries of the system and our own are left out, and those
    that read nothing of `schemas`, when any are given.

    Savepoints are one finding, and so are all texts that could not be read. The text of a finding is the query's.
    """
    judge = _Judge(model, release, frozenset(schemas))
    hidden = 0
    for query in _once(texts):
        if query.text.startswith(_HIDDEN):
            hidden += 1
        elif _OWN not in query.text:
            judge.query(query)
    if judge.unread or hidden:
        judge.report_unread(hidden)
    return QueryJudgement(tuple(judge.findings), tuple(judge.unread), hidden, judge.judged)


def _once(texts: Iterable[QueryText]) -> Iterator[QueryText]:
    """Each text with its calls on all nodes and of all accounts; hidden texts stay apart."""
    found: dict[object, QueryText] = {}
    for query in texts:
        text = query.text.strip()
        key: object = len(found) if text.startswith(_HIDDEN) else text
        calls = query.calls + (found[key].calls if key in found else 0)
        found[key] = QueryText(text, calls, query.node)
    return (query for query in found.values() if query.text)


@dataclass
class _Judge:
    model: SchemaModel
    release: str | None
    schemas: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    unread: list[QueryText] = field(default_factory=list)
    judged: int = 0
    _savepoints: bool = False

    def query(self, query: QueryText) -> None:
        try:
            pieces = [(raw.text, *parse_query(raw.text)) for raw in split(query.text)]
        except ParseError:
            self.unread.append(query)
            return
        self.judged += 1
        for text, parsed, tree in pieces:
            self._statement(query, text, parsed, tree)

    def _statement(self, query: QueryText, text: str, parsed: str, tree: Any) -> None:
        kind = name_of(tree)
        if kind in _JUDGED and not (kind == "CreateTableAsStmt" and enum_name(tree, "objtype") == "OBJECT_MATVIEW"):
            found = list(constructs.detect(tree, self.model, text=parsed, printed=False))
            if found and not self._is_of_others(tree):
                self._keep(found, text, query.calls)
        elif kind == "CreatedbStmt":
            self._keep(detect_ddl(Parsed(Statement(text, "database", ""), tree, self.model)), text, query.calls)
        if kind == "DoStmt":
            for inner in inner_statements(Statement(text, "other", ""), tree):
                self._keep(hits_of_body(inner, self.model), inner.text, query.calls)

    def _is_of_others(self, tree: Any) -> bool:
        """Whether a query reads nothing but the catalogs and schemas that are not assessed; one that reads no relation
        at all is an application's."""
        nodes = list(walk(tree))
        ctes = {("", node.ctename) for node in nodes if name_of(node) == "CommonTableExpr"}
        named = [node for node in nodes if name_of(node) == "RangeVar"]
        relations = [node for node in named if (node.schemaname, node.relname) not in ctes]
        return bool(relations) and all(
            _is_catalog(relation, self.model) or self._is_elsewhere(relation) for relation in relations
        )

    def _is_elsewhere(self, relation: Any) -> bool:
        """A name without a schema may be anywhere; temporary tables are of no schema that one chooses."""
        return bool(self.schemas) and relation.schemaname not in {"", "pg_temp", *self.schemas}

    def _keep(self, hits: Iterable[Hit], text: str, calls: int) -> None:
        for hit in hits:
            issue = by_id(hit.issue_id)
            if hit.issue_id in _OF_OBJECTS or (self.release is not None and issue.fixed(self.release)):
                continue
            if hit.issue_id == _SAVEPOINTS:
                if not self._savepoints:
                    self.findings.append(self._finding(issue, hit, "SAVEPOINT", {}))
                self._savepoints = True
            else:
                details = {**hit.details, "Calls": calls} if calls else dict(hit.details)
                self.findings.append(self._finding(issue, hit, text, details))

    def report_unread(self, hidden: int) -> None:
        """All texts that were not judged are one finding, with as many of them as one wants to see."""
        often = sorted(self.unread, key=lambda query: -query.calls)
        shown = [query.text[:_SHOWN_LENGTH] for query in often[:_SHOWN]]
        counts = [f"{len(often)} cannot be read"] if often else []
        counts += [f"{hidden} are not shown to the account that asked"] if hidden else []
        total = self.judged + len(often) + hidden
        says = f"Of {total} recorded query texts {' and '.join(counts)}; these were not judged."
        hit = Hit("UNPARSABLE_QUERY", says=says)
        details = {"Queries": shown, "Unread": len(often), "Hidden": hidden}
        self.findings.append(self._finding(by_id(hit.issue_id), hit, shown[0] if shown else _HIDDEN, details))

    def _finding(self, issue: Issue, hit: Hit, text: str, details: dict[str, Any]) -> Finding:
        return Finding(
            issue_id=issue.id,
            category=category_of(issue, QUERY),
            impact=issue.impact,
            object_type="",
            object_name="",
            statement=text,
            file="",
            line=0,
            says=hit.says or issue.says_for(self.release),
            advice=hit.advice or issue.advice,
            link=issue.link,
            minimum_versions=issue.minimum_versions(),
            minimum_versions_ea=issue.minimum_versions(EA),
            minimum_versions_tp=issue.minimum_versions(TP),
            details=details,
            name=issue.name,
        )


def parse_query(text: str) -> tuple[str, Any]:
    """Parse a recorded query; what was parsed comes first: it has values where the grammar wants no placeholders."""
    try:
        return text, parse(text)
    except ParseError:
        tokens = scan(text)
        places = [(one.start, one.end) for one in tokens if one.value[:1] == "$" and one.value[1:].isdigit()]
        if not places:
            raise
    for stand_in in _STAND_INS[:-1]:
        filled = _filled(text, places, stand_in)
        try:
            return filled, parse(filled)
        except ParseError:
            continue
    filled = _filled(text, places, _STAND_INS[-1])
    return filled, parse(filled)


def _filled(text: str, places: list[tuple[int, int]], stand_in: str) -> str:
    parts, at = [], 0
    for start, end in places:
        parts += [text[at:start], stand_in]
        at = end
    return "".join([*parts, text[at:]])


def _is_catalog(relation: Any, model: SchemaModel) -> bool:
    if relation.schemaname in _SYSTEM_SCHEMAS:
        return True
    known = any(key[1] == relation.relname for key in (*model.tables, *model.views))
    return relation.relname.startswith("pg_") and not known
