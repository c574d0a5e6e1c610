"""Holds a schema against a target release: every place that the release would refuse or that needs a thought."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.identifiers import Identifier, TableName
from voyager.schema import bodies
from voyager.schema.facts import Key
from voyager.schema.issues.catalogue import by_id
from voyager.schema.issues.catalogue.leftovers import UNSUPPORTED_PG_SYNTAX
from voyager.schema.issues.detect import Parsed, constructs, detect, leftovers
from voyager.schema.issues.detect.columns import of_catalog
from voyager.schema.issues.detect.performance import detect as detect_performance
from voyager.schema.issues.detect.performance import range_indexes
from voyager.schema.issues.detect.subject import Subject, subject, subject_of_text
from voyager.schema.issues.issue import BODY, EA, SCHEMA, TP, Hit, Issue, category_of
from voyager.schema.model import SchemaModel
from voyager.schema.parse import ParseError, name_of, parse
from voyager.schema.refused import refused_indexes
from voyager.schema.statements import Statement

if TYPE_CHECKING:
    from voyager.schema.statistics import Statistics

_NOT_OBJECTS = {"comment", "grant", "owner", "security_label", "default_privileges", "refresh", "other"}
_QUERIES = {"ViewStmt", "CreateTableAsStmt"}


@dataclass(frozen=True)
class Finding:
    """One issue at one object. `blocking` says that this target would refuse the statement as it is.

    The versions are series -> first version with the fix: for general use, in early access, as a tech preview.
    `object_usage` is FREQUENT, MODERATE, RARE or UNUSED where the source's statistics tell. `object_name` is without
    quotes, so two objects may share it: `object_schema` and `object_sql` (what the statement is about) tell them apart.
    """

    issue_id: str
    category: str
    impact: int
    object_type: str
    object_name: str
    statement: str
    file: str
    line: int
    says: str
    advice: str
    link: str = ""
    minimum_versions: dict[str, str] = field(default_factory=dict)
    blocking: bool = False
    details: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    minimum_versions_ea: dict[str, str] = field(default_factory=dict)
    minimum_versions_tp: dict[str, str] = field(default_factory=dict)
    object_usage: str = ""
    object_schema: str = ""
    object_sql: str = ""


@dataclass(frozen=True)
class Analysis:
    """What was found, and what was learned of the schema on the way. `range_indexes` are secondary indexes that should
    be range-sharded, `refused_indexes` those that this release does not create as they are."""

    findings: tuple[Finding, ...]
    model: SchemaModel
    range_indexes: tuple[Key, ...] = ()
    refused_indexes: frozenset[Key] = frozenset()


def analyze(
    statements: Iterable[Statement],
    *,
    release: str | None,
    statistics: Statistics | None = None,
    performance: bool = False,
) -> list[Finding]:
    """Return what stands in the way of importing `statements` into YugabyteDB `release`.

    With None the target is plain PostgreSQL, and every finding is for information. What a release has fixed for
    general use is no finding for it. `performance` adds what works there, but slowly or unevenly.
    """
    return list(analyze_schema(statements, release=release, statistics=statistics, performance=performance).findings)


def analyze_schema(
    statements: Iterable[Statement],
    *,
    release: str | None,
    statistics: Statistics | None = None,
    performance: bool = False,
    columns: Iterable[Mapping[str, Any]] = (),
) -> Analysis:
    """The same with the model of the schema. `columns` are the rows of the source's catalog on columns and their
    types, which know the columns of views as well."""
    judge = Judge(release)
    read: list[tuple[Statement, Any]] = []
    for statement in statements:
        try:
            read.append((statement, parse(statement.text)))
        except ParseError as error:
            judge.unread(statement, error)
    model = SchemaModel.build(read)
    for statement, tree in read:
        judge.statement(Parsed(statement, tree, model))
    judge.columns(columns, model)
    refused = refused_indexes(model, judge.refusals)
    if performance:
        judge.performance(model, statistics, refused)
    return Analysis(tuple(judge.findings), model, range_indexes(model) if performance else (), refused)


class Judge:
    """Turns hits into findings for one release and keeps those that the release has not fixed."""

    def __init__(self, release: str | None) -> None:
        self._release = release
        self.findings: list[Finding] = []
        self.refusals: defaultdict[int, list[Hit]] = defaultdict(list)
        """The identity of a statement -> the hits that make this release refuse it."""

    def statement(self, parsed: Parsed) -> None:
        """Judge one statement, and those inside it when it creates a routine."""
        where = _Place(parsed.statement, subject(parsed.statement, parsed.tree))
        self._keep(detect(parsed), where)
        if leftovers.given_up(parsed.statement.text):
            self._keep([Hit(UNSUPPORTED_PG_SYNTAX)], where)
        place = BODY if name_of(parsed.tree) in _QUERIES else SCHEMA
        found = constructs.detect(parsed.tree, parsed.model, text=parsed.statement.text)
        self._keep(found, _Place(parsed.statement, where.subject, place))
        self._routine(parsed, where)

    def unread(self, statement: Statement, error: ParseError) -> None:
        """A statement without a parse tree is a finding by itself, never silence."""
        line = statement.line + error.line - 1
        where = _Place(statement, subject_of_text(statement), line=line)
        for hit in leftovers.in_unparsed(statement.text):
            says = f"{error.message} It was not judged." if hit.issue_id == UNSUPPORTED_PG_SYNTAX else ""
            self._keep([Hit(hit.issue_id, says=says)], where)

    def columns(self, rows: Iterable[Mapping[str, Any]], model: SchemaModel) -> None:
        """Judge the columns of the source's catalog that the statements have not shown already."""
        known = {(finding.issue_id, finding.object_name) for finding in self.findings}
        for row in rows:
            schema, table, column = (str(row[key]) for key in ("schema_name", "table_name", "column_name"))
            # With a dot in it, the name may be that of another table's column.
            own = "." not in f"{schema}{table}{column}" or model.column((schema, table), column) is not None
            hits = [hit for hit in of_catalog([row], model) if not own or (hit.issue_id, hit.object_name) not in known]
            if hits:
                place = Statement("", "column", "", schema, table)
                self._keep(hits, _Place(place, ("COLUMN", "")))

    def performance(self, model: SchemaModel, statistics: Statistics | None, refused: Collection[Key]) -> None:
        for placed in detect_performance(model, statistics, refused=refused):
            where = _Place(placed.statement, (placed.hit.object_type, placed.hit.object_name), usage=placed.usage)
            self._keep([placed.hit], where)

    def _routine(self, parsed: Parsed, where: _Place) -> None:
        # A body in SQL is read when the routine is created, one in a string when it runs.
        unread = parsed.type != "CreateFunctionStmt" or not parsed.tree.HasField("sql_body")
        self._keep(leftovers.in_routine(parsed.tree), _Place(parsed.statement, where.subject, BODY, routine=True))
        found = list(bodies.inner_statements(parsed.statement, parsed.tree))
        inside = [(parsed.statement, inner.tree) for inner in found if inner.tree is not None]
        model = parsed.model.with_statements(inside)
        for inner in found:
            here = _Place(parsed.statement, where.subject, BODY, text=inner.text, line=inner.line, routine=unread)
            self._keep(bodies.hits(inner, parsed.model), here)
            if inner.tree is not None:
                hits = detect(Parsed(parsed.statement, inner.tree, model))
                self._keep((_moved(hit, where.subject) for hit in hits), here)

    def _keep(self, hits: Iterable[Hit], where: _Place) -> None:
        for hit in hits:
            issue = by_id(hit.issue_id)
            if self._release is None or issue.stands(self._release):
                finding = self._finding(issue, hit, where)
                self.findings.append(finding)
                if finding.blocking:
                    self.refusals[id(where.statement)].append(hit)

    def _finding(self, issue: Issue, hit: Hit, where: _Place) -> Finding:
        object_type, object_name = (hit.object_type, hit.object_name) if hit.object_type else where.subject
        return Finding(
            issue_id=issue.id,
            category=category_of(issue, where.place),
            impact=issue.impact,
            object_type=object_type,
            object_name=object_name,
            statement=where.text or where.statement.text,
            file=where.statement.file,
            line=where.line or where.statement.line,
            says=hit.says or issue.says_for(self._release),
            advice=hit.advice or issue.advice,
            link=issue.link,
            minimum_versions=issue.minimum_versions(),
            blocking=self._release is not None and issue.refused and hit.refused and not where.routine,
            details=dict(hit.details),
            name=issue.name,
            minimum_versions_ea=issue.minimum_versions(EA),
            minimum_versions_tp=issue.minimum_versions(TP),
            object_usage=where.usage,
            object_schema=where.statement.schema,
            object_sql=_sql_name(where.statement),
        )


@dataclass(frozen=True)
class _Place:
    """Where hits stand. What is in a `routine` is not refused before it runs."""

    statement: Statement
    subject: Subject
    place: str = SCHEMA
    text: str = ""
    line: int = 0
    usage: str = ""
    routine: bool = False


def _sql_name(statement: Statement) -> str:
    """What a statement is about, quoted throughout: an index or a trigger with the table that it belongs to."""
    if not statement.name:
        return ""
    own = TableName(statement.schema, statement.name) if statement.schema else Identifier(statement.name)
    return own.sql if statement.table in (None, own) else f"{own.sql} ON {statement.table.sql}"


def _moved(hit: Hit, to: Subject) -> Hit:
    """A hit of DDL inside a routine is the routine's, with the name of the constraint where it is about one."""
    object_type, name = to
    constraint = hit.details.get("ConstraintName")
    return Hit(hit.issue_id, object_type, f"{name}, constraint: ({constraint})" if constraint else name, hit.details)


def schema_report(findings: Sequence[Finding], statements: Sequence[Statement]) -> dict[str, Any]:
    """The JSON form of an analysis: how many objects of each type there are, and every finding."""
    touched = _touched(findings, statements)
    totals: Counter[str] = Counter()
    affected: Counter[str] = Counter()
    for statement in statements:
        if statement.kind not in _NOT_OBJECTS:
            totals[statement.kind] += 1
            affected[statement.kind] += (statement.file, statement.line, statement.text) in touched
    return {
        "schema_version": 1,
        "summary": {
            "findings": len(findings),
            "blocking": sum(finding.blocking for finding in findings),
            "by_category": dict(sorted(Counter(finding.category for finding in findings).items())),
            "by_impact": {str(level): n for level, n in sorted(Counter(one.impact for one in findings).items())},
            "objects": [
                {"object_type": kind, "total": total, "with_findings": affected[kind]}
                for kind, total in sorted(totals.items())
            ],
        },
        "issues": [asdict(finding) for finding in findings],
    }


def _touched(findings: Iterable[Finding], statements: Iterable[Statement]) -> set[tuple[str, int, str]]:
    """File, first line and text of each statement that has a finding; one in a body has the text of its own."""
    texts: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for statement in statements:
        texts[statement.file].append((statement.line, statement.text))
    for found in texts.values():
        found.sort()
    known = {(file, *place) for file, places in texts.items() for place in places}
    touched = set()
    for finding in findings:
        key = (finding.file, finding.line, finding.statement)
        places = texts.get(finding.file, ())
        at = bisect_right(places, finding.line, key=lambda place: place[0]) - 1
        touched.add(key if key in known or at < 0 else (finding.file, *places[at]))
    return touched
