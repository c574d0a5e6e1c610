"""One attempt at a comparison: the point at which it holds, the connections it reads over, and the time it has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from voyager.identifiers import TableName
from voyager.phases.comparison.options import check_value, seconds, share
from voyager.phases.comparison.repair import collect, unrepaired, write
from voyager.phases.comparison.schema import SchemaResult, compare_schema
from voyager.phases.comparison.scope import Scope, extent_of, scope_of
from voyager.phases.job import Job
from voyager.ports import WriteCounter
from voyager.postgres.connection import Connection, connect
from voyager.postgres.marked import mark
from voyager.verification.findings import Difference, Found
from voyager.verification.journal import StoreJournal
from voyager.verification.load import Side, Throttle
from voyager.verification.point import Fence, Offline, counted_from, declare, timestamp, written_between
from voyager.verification.readers import Readers
from voyager.verification.report import Extent, Result, plain
from voyager.verification.request import Request
from voyager.verification.run import Verification
from voyager.verification.set_aside import RowSetAside
from voyager.wording import named

Counters = Mapping[TableName, WriteCounter] | None


@dataclass(frozen=True)
class Ends:
    """How both databases are read."""

    job: Job

    def source(self) -> Connection:
        return self._limited(connect(self.job.source.endpoint, "verify"))

    def target(self) -> Connection:
        return self._limited(self.job.target.connect("verify"))

    def readers(self, name: str, connect: Callable[[], Any], jobs: int) -> Readers:
        options = self.job.options
        return Readers(
            name,
            connect,
            limit=jobs,
            checkpoint=self.job.checkpoint,
            outage_budget=float(options.outage_budget),
            statement_timeout=options.statement_timeout,
        )

    def _limited(self, connection: Connection) -> Connection:
        limit = round((self.job.options.statement_timeout or 0.0) * 1000)
        mark(connection).execute("SELECT pg_catalog.set_config('statement_timeout', %s, false)", [f"{limit}ms"])
        return connection


@dataclass(frozen=True)
class Counted:
    """The write counters of both ends at one moment; None for an end that cannot tell."""

    source: Counters
    target: Counters


@dataclass(frozen=True)
class Asked:
    """What is to be compared, and what was known of both ends before the first read."""

    scope: Scope
    extent: Extent
    before: Counted
    set_aside: Mapping[TableName, tuple[RowSetAside, ...]]


def compare(job: Job) -> Result:
    """Compare what the options ask for, as far as time allows: what was compared is kept."""
    started_at = _now()
    scope = scope_of(job)
    extent = extent_of(scope, job)
    aside = _set_aside(job)
    before = _counters(job, scope, settled=True)
    if before.source is None:
        job.warn(
            "The source cannot tell when its tables are written, so the cutover cannot check that nothing was written "
            "after this verification."
        )
    ends = Ends(job)
    point = _point(ends)
    _fence().wait()
    asked = Asked(scope, extent, before, aside)
    found, schema, declared_at, repair = _compare(job, ends, asked, point)
    found.differences += [_made_since(name) for name in scope.made_since]
    found.notes += scope.notes if extent.level != "schema" else []
    found.notes += _written_meanwhile(before, _counters(job, scope, settled=False))
    return Result(
        migration=job.record.name,
        source=job.source.endpoint.url,
        target=job.target.endpoint.url,
        extent=extent,
        found=found,
        point={"declared_at": declared_at, **point},
        not_compared=(*scope.not_compared, *schema.not_compared),
        schema=schema.to_json(),
        counters=before.source,
        target_counters=before.target,
        started_at=started_at,
        at=_now(),
        repair=repair,
        set_aside=aside,
    )


def _compare(
    job: Job, ends: Ends, asked: Asked, point: Mapping[str, Any]
) -> tuple[Found, SchemaResult, str, list[str]]:
    """The schema first, which is quick; then the rows, unless the schema is all that was asked for.

    Also returns the moment for which it holds (a run that goes on holds from where it began), and the repair files.
    """
    repair: list[str] = []
    scope, extent = asked.scope, asked.extent
    jobs = job.options.parallel_jobs
    with (
        closing(ends.readers("source", ends.source, jobs)) as source,
        closing(ends.readers("target", ends.target, jobs)) as target,
        closing(_throttle(job, ends)) as throttle,
    ):
        schema = compare_schema(job, source, target, None if scope.all_tables else scope.tables)
        if extent.level == "schema":
            found, declared_at = Found("schema"), str(point["source"]["at"])
        else:
            request = _request(job, asked, throttle)
            for table, since in request.since.items():
                source.use(partial(check_value, since=since, table=table), "read the value of --since")
            journal = _journal(job, extent, point)
            declared_at = str(journal.run.point.get("declared_at", timestamp(journal.run.started_at)))
            spool = collect(job)
            verification = Verification(request, source, target, journal, job.report, job.checkpoint, spool.add)
            found = verification.run()
            counters = plain(asked.before.source)
            repair = write(job, spool, verification.concerned, (source, target), at=declared_at, counters=counters)
            found.notes += unrepaired(spool, found)
        found.differences = schema.together(found.differences)
        found.notes += schema.notes
        return found, schema, declared_at, repair


def _request(job: Job, asked: Asked, throttle: Throttle) -> Request:
    options, scope, extent, before = job.options, asked.scope, asked.extent, asked.before
    return Request(
        tables=scope.tables,
        sequences=scope.catalog.sequences if scope.all_tables else (),
        level=extent.level,
        jobs=options.parallel_jobs,
        counters=counted_from(before.source, before.target),
        rows_known=scope.migrated,
        sample=share(options.sample) if options.sample else 1.0,
        since=scope.since,
        max_duration=seconds(options.max_duration) if options.max_duration else None,
        max_load=throttle if options.max_load is not None else None,
        float_tolerance=options.float_tolerance,
        show_values=options.show_values,
        max_differences=options.max_differences,
        set_aside=asked.set_aside,
    )


def _set_aside(job: Job) -> dict[TableName, tuple[RowSetAside, ...]]:
    """The rows that a load set aside and that are still not there, by table."""
    found: dict[TableName, list[RowSetAside]] = defaultdict(list)
    for table, key, given_up in job.store.quarantine.not_loaded(job.record.migration_uuid):
        found[table].append(RowSetAside(key, given_up=given_up))
    return {table: tuple(rows) for table, rows in found.items()}


def _journal(job: Job, extent: Extent, point: Mapping[str, Any]) -> StoreJournal:
    """The run that was cut off, if it was asked the same; else a new one that holds from now on."""
    asked = {"level": extent.level, "sample": extent.sample, "since": extent.since}
    whole = {**asked, "declared_at": point["source"]["at"], **point}
    store, migration = job.store.verification, job.record.migration_uuid
    found = store.resume(migration)
    if found is not None and {name: found.point.get(name) for name in asked} != asked:
        store.start(migration, point=whole, actor=job.lease.owner)
    return StoreJournal(store, migration, point=whole, actor=job.lease.owner)


def _throttle(job: Job, ends: Ends) -> Throttle:
    sides = (Side("source", ends.source), Side("target", ends.target))
    return Throttle(job.options.max_load or 0, sides, job.warn)


def _point(ends: Ends) -> dict[str, Any]:
    with closing(ends.source()) as source, closing(ends.target()) as target:
        return {"source": declare(source), "target": declare(target)}


def _fence() -> Fence:
    """Workflows that stream bring their own."""
    return Offline()


def _counters(job: Job, scope: Scope, *, settled: bool) -> Counted:
    """The target is not waited for: a count that comes late is taken for a write, never a write for none."""
    names = [table.name for table in scope.tables]
    source = job.source.write_counters(names, settled=settled)
    return Counted(source, job.target.write_counters(names, settled=False))


def _written_meanwhile(before: Counted, after: Counted) -> list[str]:
    notes = []
    for side, one, other in (("source", before.source, after.source), ("target", before.target, after.target)):
        written = written_between(one, other)
        if written:
            notes.append(
                f"The {side} was written while it was compared ({named(written)}): what is said of these tables holds "
                "for no single moment. Stop the writers and verify again."
            )
    return notes


def _made_since(name: TableName) -> Difference:
    return Difference(
        "table", str(name), f"Table {name} was made in the source after the export; it did not travel.", "missing"
    )


def _now() -> str:
    return timestamp(datetime.now(UTC))
