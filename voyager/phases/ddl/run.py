"""Run DDL statements on the target, journaled: what a crash interrupts goes on where it stopped."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voyager.errors import DatabaseAway, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.ddl.schedule import BUILDS, Chore, Schedule, chores_beside, companionable, runs, stages, units
from voyager.phases.job import Job
from voyager.phases.recorded import RecordedConnections
from voyager.progress import TableProgress

if TYPE_CHECKING:
    from voyager.postgres.connection import Connection
    from voyager.schema.statements import Statement
    from voyager.store.statements import StatementEntry


@dataclass(frozen=True)
class Refusal:
    """A statement that the target refused. `kind`: missing_dependency, already_exists, permission or other."""

    statement: Statement
    kind: str
    message: str


@dataclass(frozen=True)
class DdlResult:
    """What came of a list of statements; every statement is in one of them."""

    done: int = 0
    earlier: int = 0
    existing: tuple[Statement, ...] = ()
    refused: tuple[Refusal, ...] = ()
    not_tried: tuple[Statement, ...] = ()


@dataclass
class DdlRun:
    """How to run statements. `step` names them in the progress of the phase.

    Unless `straight_order`, a statement that lacks something is tried again after the others, until a whole round
    brings nothing. Unless `continue_on_error`, the first one that is refused for another reason stops the run.

    Where the target takes several statements in one transaction, small ones go in bulk, and their journal with them;
    one that is refused then costs a second try of its companions, each by itself. With `jobs`, many tables are made at
    the same time, and indexes, keys and foreign keys built, for the largest of the tables in `sizes` first, in sessions
    with `settings`. `helpers` is how many parallel workers a build gets that is longer than its share of the rest: the
    others have none, since the builds beside them keep the processors busy; with 0 all have what the target gives them.
    `chores` of tables are run once, where connections would wait for each other's foreign keys. `phase` names the phase
    whose journal is kept, the job's own where it is empty.
    """

    job: Job
    step: str
    jobs: int = 1
    ignore_exist: bool = False
    continue_on_error: bool = False
    straight_order: bool = False
    sizes: Mapping[TableName, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)
    helpers: int = 0
    chores: Mapping[TableName, Chore] = field(default_factory=dict)
    phase: str = ""
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _finished: int = 0

    @property
    def journal(self) -> str:
        return self.phase or self.job.phase.name

    def run(self, statements: Sequence[Statement]) -> DdlResult:
        """Run what the journal does not hold as done; raises what ends the phase (a target away, a lost lease)."""
        journal = self.job.store.statements.load(self.job.record.migration_uuid, self.journal)
        entries = {id(statement): entry for statement, entry in _numbered(statements)}
        states = {
            id(statement): journal[key].state
            for statement in statements
            if (key := self._key(entries[id(statement)])) in journal
        }
        pending = [s for s in statements if states.get(id(s)) not in ("done", "skipped")]
        earlier = len(statements) - len(pending)
        self._finished, self._total = earlier, len(statements)
        self._report("BUILDING")
        existing: list[Statement] = []
        with self._connections() as pool:
            if journal and self.job.target.capabilities.concurrent_index_builds:
                self._drop_invalid_indexes(pool, pending)
            context = _Round(self, pool, entries, states, existing)
            refused, not_tried = self._rounds(context, pending)
        # Several connections come to them in any order.
        place = {id(statement): number for number, statement in enumerate(statements)}
        refused.sort(key=lambda refusal: place[id(refusal.statement)])
        not_tried.sort(key=lambda statement: place[id(statement)])
        done = len(pending) - len(refused) - len(not_tried) - len(existing)
        self._report("DONE" if not refused and not not_tried else "FAILED")
        return DdlResult(done, earlier, tuple(existing), tuple(refused), tuple(not_tried))

    def _rounds(self, context: _Round, pending: list[Statement]) -> tuple[list[Refusal], list[Statement]]:
        while True:
            refused = list(context.go_through(pending))
            for_good = [refusal for refusal in refused if refusal.kind != "missing_dependency"]
            untried = context.untried
            deferred = [refusal.statement for refusal in refused if refusal.kind == "missing_dependency"]
            progressed = len(refused) + len(untried) < len(pending)
            if self.straight_order or not deferred or not progressed or (for_good and not self.continue_on_error):
                return refused, untried
            again = {id(statement) for statement in (*deferred, *untried)}
            pending = [statement for statement in pending if id(statement) in again] + [
                refusal.statement for refusal in for_good
            ]

    def _drop_invalid_indexes(self, pool: Connections, pending: Sequence[Statement]) -> None:
        """An online build that was cut off or refused in an earlier run leaves an index that is there and serves
        nobody: it must be built anew, by whatever its statement is now."""
        from voyager.target import ddl

        names = [TableName(statement.schema, statement.name) for statement in pending if statement.kind == "index"]
        for name in ddl.drop_invalid_indexes(pool.get(), names) if names else ():
            self.job.warn(f"Index {name} was left invalid by a build that did not end well; it is built anew.")

    def _key(self, entry: StatementEntry) -> Any:
        return entry.statement_id(self.job.record.migration_uuid, self.journal)

    def _connections(self) -> Connections:
        # Nobody waits longer for the locks of a process that was stopped than for its lease.
        patience = {"idle_in_transaction_session_timeout": f"{round(self.job.lease.seconds * 1000)}ms"}
        bulk = self.job.target.capabilities.transactional_ddl
        return Connections(self.job, self.step, {**self.settings, **patience} if bulk else self.settings)

    def finished(self, count: int) -> None:
        with self._guard:
            self._finished += count
        self._report("BUILDING")

    def _report(self, status: str) -> None:
        self.job.report(
            TableProgress("", self.step, status, rows_done=self._finished, rows_total=self._total, message="statements")
        )


class Connections:
    """One recorded connection per thread, closed together."""

    def __init__(self, job: Job, step: str, settings: Mapping[str, str]) -> None:
        self._recorded = RecordedConnections(job, step)
        self._settings = settings
        self._local = threading.local()

    def __enter__(self) -> Connections:
        return self

    def __exit__(self, *failure: object) -> None:
        self._recorded.close()

    def get(self) -> Connection:
        """This thread's connection; a new one when the last was lost."""
        connection: Connection | None = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            from voyager.target import ddl

            connection = self._recorded.open()
            ddl.configure(connection, self._settings)
            self._local.connection, self._local.set = connection, {}
        return connection

    def set(self, **settings: str) -> None:
        """Change settings of this thread's connection, where they are not so yet."""
        from voyager.target import ddl

        connection = self.get()
        if self._local.set != settings:
            ddl.configure(connection, settings)
            self._local.set = settings


@dataclass
class _Round:
    """One pass over statements: journal, execute, settle."""

    run: DdlRun
    pool: Connections
    entries: dict[int, StatementEntry]
    states: dict[int, str]
    existing: list[Statement]
    untried: list[Statement] = field(default_factory=list)
    did_chores: bool = False

    def go_through(self, pending: Sequence[Statement]) -> Iterator[Refusal]:
        """Run each; statements behind the first refusal for good are left untried unless the run goes on."""
        self.untried = []
        stopped = False
        for together, statements in stages(pending):
            if stopped:
                self.untried += statements
                continue
            at_once = together and len(statements) > 1 and self._in_parallel
            refused = self._together(statements) if at_once else list(self._in_order(statements))
            yield from refused
            stopped = self._stops(refused)

    def _in_order(self, statements: Sequence[Statement]) -> Iterator[Refusal]:
        tried = 0
        for batch in runs(statements, self._joins):
            if len(batch) > 1 and self._at_once(batch):
                tried += len(batch)
                continue
            for statement in batch:
                tried += 1
                refusal = self._one(statement)
                if refusal is not None:
                    yield refusal
                if refusal is not None and self._stops([refusal]):
                    self.untried += statements[tried:]
                    return

    def _stops(self, refused: Iterable[Refusal]) -> bool:
        kinds = {refusal.kind for refusal in refused}
        if self.run.continue_on_error:
            return False
        return bool(kinds) if self.run.straight_order else bool(kinds - {"missing_dependency"})

    @property
    def _in_parallel(self) -> bool:
        return self.run.jobs > 1 and self._in_bulk and not self.run.straight_order

    @property
    def _in_bulk(self) -> bool:
        return self.run.job.target.capabilities.transactional_ddl

    def _joins(self, statement: Statement) -> bool:
        """Whether a statement goes into a transaction with others: not one that was begun or refused before."""
        return self._in_bulk and companionable(statement) and id(statement) not in self.states

    def _together(self, statements: Sequence[Statement]) -> list[Refusal]:
        beside = [] if self.did_chores else chores_beside(statements, self.run.chores)
        self.did_chores |= bool(beside)
        schedule = Schedule([*units(statements, self.run.sizes, self._joins), *beside])
        with ThreadPoolExecutor(self.run.jobs, thread_name_prefix=self.run.step) as workers:
            busy = [workers.submit(self._work, schedule) for _ in range(self.run.jobs)]
            return [refusal for worker in as_completed(busy) for refusal in worker.result()]

    def _work(self, schedule: Schedule) -> list[Refusal]:
        refused: list[Refusal] = []
        while True:
            with schedule.next() as unit:
                if unit is None:
                    return refused
                if unit.chore is not None:
                    unit.chore(self.pool.get())
                    continue
                if self.run.helpers and unit.statements[0].kind in BUILDS:
                    long = schedule.outlasts(unit, self.run.jobs)
                    self.pool.set(max_parallel_maintenance_workers=str(self.run.helpers if long else 0))
                if len(unit.statements) == 1 or not self._at_once(unit.statements):
                    refused += filter(None, map(self._one, unit.statements))

    def _at_once(self, statements: Sequence[Statement]) -> bool:
        """Execute statements and note that they are done, in one transaction; False when one of them is refused."""
        from voyager.target import ddl

        job = self.run.job
        job.checkpoint()
        entries = [self.entries[id(statement)] for statement in statements]
        note = job.store.statements.done_together(job.record.migration_uuid, self.run.journal, entries)
        try:
            if not ddl.execute_together(self.pool.get(), [statement.text for statement in statements], note=note):
                return False
        except DatabaseAway:
            # Perhaps whoever took the lease over has ended this connection: then that is what to say.
            job.checkpoint()
            raise
        self.states.update((id(statement), "done") for statement in statements)
        self.run.finished(len(statements))
        return True

    def _one(self, statement: Statement) -> Refusal | None:
        from voyager.target import ddl

        job = self.run.job
        job.checkpoint()
        entry = self.entries[id(statement)]
        started_before = self.states.get(id(statement)) == "started"
        key = job.store.statements.begin(job.record.migration_uuid, self.run.journal, entry)
        if started_before and self._is_there(statement):
            self._finish(key, statement, "done")
            return None
        try:
            ddl.execute(self.pool.get(), statement.text, what=f"{statement.kind} {statement.object_name}")
        except VoyagerError as error:
            return self._refused(key, statement, error, started_before)
        self._finish(key, statement, "done")
        return None

    def _is_there(self, statement: Statement) -> bool:
        """Whether a statement that was started in a run that died has taken effect."""
        from voyager.target import ddl

        found = ddl.object_exists(
            self.pool.get(),
            kind=statement.kind,
            schema=statement.schema,
            name=statement.name,
            table=statement.table,
            text=statement.text,
        )
        return bool(found)

    def _finish(self, key: Any, statement: Statement, state: str) -> None:
        self.run.job.store.statements.finish(key, state)
        self.states[id(statement)] = state
        self.run.finished(1)

    def _refused(self, key: Any, statement: Statement, error: VoyagerError, started_before: bool) -> Refusal | None:
        from voyager.target import ddl

        if not isinstance(error, ddl.StatementFailed):
            raise error
        kind = error.failure
        if kind == "already_exists" and (self.run.ignore_exist or started_before):
            # Ours when a run died between the statement and its journal entry; the operator's word otherwise.
            if not started_before:
                self.existing.append(statement)
            self._finish(key, statement, "done" if started_before else "skipped")
            return None
        self.run.job.store.statements.finish(key, "failed", error.reason)
        self.states[id(statement)] = "failed"
        return Refusal(statement, kind, error.reason)


def _numbered(statements: Sequence[Statement]) -> Iterator[tuple[Statement, StatementEntry]]:
    """Each statement with its journal entry; equal texts are told apart by their occurrence."""
    from voyager.store.statements import StatementEntry

    seen: Counter[str] = Counter()
    for ordinal, statement in enumerate(statements):
        yield (
            statement,
            StatementEntry(
                ordinal=ordinal,
                sha256=statement.sha256,
                file=statement.file,
                line=statement.line,
                object=f"{statement.kind} {statement.object_name}",
                occurrence=seen[statement.sha256],
            ),
        )
        seen[statement.sha256] += 1


def failed_sql(refused: Iterable[Refusal], not_tried: Iterable[Statement]) -> str:
    """The text of schema/failed.sql: every statement that is not in the target, with file, line and error."""
    parts = []
    for refusal in refused:
        one = refusal.statement
        error = "\n--   ".join(refusal.message.splitlines())
        parts.append(f"-- {one.kind} {one.object_name}\n-- {one.file}:{one.line}\n-- {error}\n{one.text};\n")
    for one in not_tried:
        parts.append(f"-- {one.kind} {one.object_name}\n-- {one.file}:{one.line}\n-- not tried\n{one.text};\n")
    return "\n".join(parts)
