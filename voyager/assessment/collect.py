"""Collect metadata over a connection: ask every question of every node, and keep the answers only when all are in."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from voyager import __version__
from voyager.assessment.assessment import Missing
from voyager.assessment.csv_file import csv_line
from voyager.assessment.dumped_schema import SCHEMA_FILE
from voyager.assessment.facts_file import FORMAT
from voyager.assessment.metadata import Metadata, metadata_of, refuse_empty
from voyager.assessment.metadata_directory import FACTS_FILE, NODE_DIRECTORY, PRIMARY, REPLICA
from voyager.assessment.steps import SKIPPED, Steps
from voyager.assessment_dir import AssessmentDir
from voyager.endpoint import Endpoint
from voyager.errors import (
    DatabaseAway,
    Interrupted,
    OutOfSpace,
    PermissionMissing,
    UsageError,
    VoyagerError,
    disk_error,
)
from voyager.identifiers import visible
from voyager.ports import AssessedSource, Question
from voyager.progress import Report
from voyager.sources import gaps_of, needs_ddl, open_assessed
from voyager.wording import counted

SCHEMA_STEP, LOAD_STEP, REPLICA_STEP = "Read the schema", "Measure load over time", "Connect to read replicas"
_TICK = 0.2
_MADE = re.compile(r"^CREATE ", re.MULTILINE)
_ADDRESS = re.compile(
    r"\[(?P<v6>[^\]]+)\](?::(?P<v6port>\d+))?|(?P<host>[^:]+)(?::(?P<port>\d+))?|(?P<bare>[0-9a-fA-F:]+)"
)
_FATAL = (OutOfSpace, Interrupted)


def _nothing(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Collection:
    """How to collect: `replicas` as host:port, none for those that the source knows of, unless `primary_only`.

    `interval_seconds` lies between the two measurements of load; 0 leaves the second out. `report` is told of every
    step, `warn` of what weakens the result, `checkpoint` is called often and may raise; `preview` gets what is known
    before the load has been measured.
    """

    replicas: tuple[str, ...] = ()
    primary_only: bool = False
    interval_seconds: int = 120
    report: Report = _nothing
    warn: Callable[[str], None] = _nothing
    checkpoint: Callable[[], None] = _nothing
    preview: Callable[[Metadata], None] = _nothing
    open: Callable[[Endpoint], AssessedSource] = open_assessed


def collect(source: AssessedSource, directory: AssessmentDir, collection: Collection) -> Metadata:
    """Ask `source` (and its replicas) everything and keep the answers in `directory`, whose lock the caller holds.

    What a privilege is missing for is told in the metadata, and the rest goes on. An earlier collection stays until
    this one is whole. Raises UsageError for an empty database, a schema that does not exist or a replica that is none.
    """
    with directory.new_metadata() as place:
        run = _Run(source, place, collection)
        try:
            run.all()
        finally:
            run.close()
        return metadata_of(place)


@dataclass
class _Node:
    name: str
    source: AssessedSource
    facts: dict[str, Any]
    measured_at: float = 0.0
    rows: dict[str, int] = field(default_factory=dict)


class _Run:
    """One collection into `place`."""

    def __init__(self, source: AssessedSource, place: Path, collection: Collection) -> None:
        self.source = source
        self.place = place
        self.with_ = collection
        self.questions = source.questions()
        self.missing: list[dict[str, str]] = []
        self.seconds: int | None = None
        self.steps = Steps(collection.report, self._parts())
        self.nodes = [_Node(PRIMARY, source, source.facts())]
        self.unanswerable = {name for gap in gaps_of(self._engine, self.nodes[0].facts) for name in gap.questions}

    @property
    def _engine(self) -> str:
        return self.source.endpoint.engine

    def all(self) -> None:
        self._refuse_missing_schemas()
        self.nodes.extend(self._replicas())
        self._measure("initial")
        for question in self.questions:
            if not question.moment:
                self._ask(question)
        # Last: a dump puts queries of its own into the statistics of queries.
        self._schema()
        self._write_facts()
        metadata = metadata_of(self.place)
        refuse_empty(metadata)
        if any(question.moment for question in self.questions):
            self._over_time(metadata)
            self._write_facts()

    def close(self) -> None:
        """Of the nodes only those that were opened here."""
        for node in self.nodes[1:]:
            node.source.close()

    def _parts(self) -> Iterator[str]:
        """The step of everything that is to be done, in order; the load is one part."""
        yield from (question.step for question in self.questions if not question.moment)
        if needs_ddl(self._engine):
            yield SCHEMA_STEP
        if any(question.moment for question in self.questions):
            yield LOAD_STEP

    def _refuse_missing_schemas(self) -> None:
        missing = self.nodes[0].facts.get("schemas_missing")
        if missing:
            raise UsageError(
                f"The source has no schema {', '.join(map(visible, missing))}.",
                "Check the names given by --source-db-schema.",
            )

    def _replicas(self) -> Iterator[_Node]:
        """The replicas that were named must be there and be replicas; those that were discovered should."""
        if self.with_.primary_only:
            return
        named = [_endpoint(text, self.source.endpoint) for text in self.with_.replicas]
        # One that is named twice, or seen twice (a backup streams too), is one node.
        found = list({_node_name(endpoint): endpoint for endpoint in named or self.source.replicas()}.values())
        if found:
            self.steps.begin(REPLICA_STEP)
        seen: set[str] = set()
        for endpoint in found:
            self.with_.checkpoint()
            try:
                node = self._replica(endpoint)
            except VoyagerError as error:
                if named:
                    raise
                self._miss(
                    Missing(
                        f"Read replica {endpoint.host}",
                        f"{error.message} Name it with --source-read-replica-endpoints HOST:PORT.",
                        weakens="Reads that applications send there are not in reads per second.",
                    ),
                    REPLICA,
                )
                continue
            # By another of its names or addresses it is still one server, whose reads count once.
            instance = str(node.facts.get("instance") or endpoint.url)
            if instance in seen:
                node.source.close()
                continue
            seen.add(instance)
            yield node
        if found:
            self.steps.finish(REPLICA_STEP, counted(len(seen), "replica"))

    def _replica(self, endpoint: Endpoint) -> _Node:
        source = self.with_.open(endpoint)
        try:
            facts, primary = source.facts(), self.nodes[0].facts
            clusters = {facts.get("system_identifier"), primary.get("system_identifier")} - {None}
            if len(clusters) > 1:
                raise UsageError(
                    f"{endpoint.url} is no replica of {self.source.endpoint.url}: it belongs to another cluster.",
                    "Name only replicas of the source, or leave them out with --primary-only.",
                )
            if facts.get("standby") is False:
                raise UsageError(
                    f"{endpoint.url} is no replica: it takes writes itself.",
                    "Name only replicas of the source, or leave them out with --primary-only.",
                )
        except BaseException:
            source.close()
            raise
        return _Node(_node_name(endpoint), source, facts)

    def _measure(self, moment: str) -> None:
        for question in self.questions:
            if question.moment == moment:
                self._ask(question)

    def _schema(self) -> None:
        if not needs_ddl(self._engine):
            return
        self.steps.begin(SCHEMA_STEP)
        self.with_.checkpoint()
        ddl = self.source.ddl()
        self._write(SCHEMA_FILE, [ddl])
        self.steps.part_done(SCHEMA_STEP, counted(len(_MADE.findall(ddl)), "object"))

    def _ask(self, question: Question) -> None:
        """Put one question to every node that it is for."""
        if question.name in self.unanswerable:
            if not question.moment:
                self.steps.part_missed(question.step)
            return
        if not question.moment:
            self.steps.begin(question.step)
        answered = [self._answered(question, node) for node in self.nodes[: None if question.nodes == "all" else 1]]
        if question.moment:
            return
        if all(answered):
            self.steps.part_done(question.step, counted(self.nodes[0].rows[question.name], "row"))
        else:
            self.steps.part_missed(question.step)

    def _answered(self, question: Question, node: _Node) -> bool:
        self.with_.checkpoint()
        try:
            self._keep(question, node)
        except VoyagerError as error:
            # A replica may cancel what stands in the way of its replay, or go: the others still count.
            fatal = (*_FATAL, DatabaseAway) if node.name == PRIMARY else _FATAL
            if isinstance(error, fatal) or (question.required and node.name == PRIMARY):
                raise
            self._drop(question, node, error)
            return False
        return True

    def _keep(self, question: Question, node: _Node) -> None:
        count = 0

        def lines() -> Iterator[str]:
            nonlocal count
            yield csv_line(question.columns)
            for row in node.source.ask(question, node=node.name):
                count += 1
                if count % 1000 == 0:
                    self.with_.checkpoint()
                yield csv_line(row)

        if question.moment:
            node.measured_at, before = time.monotonic(), node.measured_at
            if question.moment == "final" and node.name == PRIMARY:
                self.seconds = max(1, round(node.measured_at - before))
        self._write(f"{NODE_DIRECTORY}{node.name}/{question.name}.csv", lines())
        node.rows[question.name] = count

    def _drop(self, question: Question, node: _Node, error: VoyagerError) -> None:
        (self.place / f"{NODE_DIRECTORY}{node.name}/{question.name}.csv").unlink(missing_ok=True)
        what = question.what[:1].upper() + question.what[1:]
        if node.name != PRIMARY:
            what += f" (replica {node.name})"
        sql = ""
        if isinstance(error, PermissionMissing):
            sql = " ".join(error.details) or question.grant.format(role=self.source.endpoint.user)
        self._miss(Missing(what, error.message, sql, question.weakens, question.hides_issues), question.name)

    def _miss(self, missing: Missing, question: str = "") -> None:
        self.missing.append({**asdict(missing), "question": question})
        self.with_.warn(f"{missing.what}: {missing.reason}")

    def _over_time(self, metadata: Metadata) -> None:
        pair = {question.name for question in self.questions if question.moment}
        if self.with_.interval_seconds <= 0 or not pair & self.nodes[0].rows.keys():
            self.steps.finish(LOAD_STEP, "left out", status=SKIPPED)
            return
        self.with_.preview(metadata)
        self._wait()
        self._measure("final")
        self.steps.finish(LOAD_STEP, counted(self.seconds or 0, "second"))

    def _wait(self) -> None:
        """From the first measurement on: what was asked since then has been part of the interval."""
        total = self.with_.interval_seconds
        while True:
            self.with_.checkpoint()
            passed = time.monotonic() - max(node.measured_at for node in self.nodes)
            if passed >= total:
                return
            self.steps.measured(LOAD_STEP, int(passed), total, f"{_minutes(total - passed)} remaining")
            time.sleep(min(_TICK, total - passed))

    def _write_facts(self) -> None:
        for node in self.nodes:
            own = {"rows": node.rows, "node": node.name, "collected_by": f"yb-voyager {__version__}", "format": FORMAT}
            if node.name == PRIMARY:
                own |= {"capture_seconds": self.seconds, "missing": self.missing}
            name = FACTS_FILE if node.name == PRIMARY else f"{NODE_DIRECTORY}{node.name}/{FACTS_FILE}"
            document = {**node.facts, **{key: value for key, value in own.items() if value is not None}}
            (self.place / name).unlink(missing_ok=True)
            self._write(name, [json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, default=str), "\n"])

    def _write(self, name: str, pieces: Sequence[str] | Iterator[str]) -> None:
        path = self.place / name
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:  # noqa: PTH123
                file.writelines(pieces)
        except UnicodeEncodeError as error:
            raise VoyagerError(f"An answer for {name} cannot be written as UTF-8: {error.reason}.") from error
        except OSError as error:
            raise disk_error(error, path) from error


def _endpoint(text: str, primary: Endpoint) -> Endpoint:
    """A replica by "host:port", with everything else as for the primary."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None:
        raise UsageError(f"{visible(text)!r} is no replica's address.", "Write HOST:PORT, or [IPV6]:PORT.")
    host = found["v6"] or found["host"] or found["bare"]
    port = int(found["v6port"] or found["port"] or primary.port)
    return replace(primary, host=host, port=port)


def _node_name(endpoint: Endpoint) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", f"{endpoint.host}-{endpoint.port}")


def _minutes(seconds: float) -> str:
    return f"{round(seconds / 60)}m" if seconds >= 90 else f"{max(1, round(seconds))}s"
