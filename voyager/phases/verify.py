"""VERIFY: source and target compared row by row, as checksums of chunks made by the servers themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from voyager.errors import DifferencesFound, UsageError
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option

if TYPE_CHECKING:
    from voyager.catalog import Catalog, Table
    from voyager.export_dir import ExportDir
    from voyager.identifiers import TableName
    from voyager.phases.verify_schema import SchemaResult
    from voyager.ports import Check, WriteCounter
    from voyager.store.record import MigrationRecord
    from voyager.verification.findings import Difference, Found
    from voyager.verification.request import Request

NEEDS = ("source", "target")
LEVELS = ("schema", "counts", "checksum")
REPORT = "verification_report.json"
SHOWN = 20
"""Differences that the terminal and the history name; the report names all."""


@dataclass(frozen=True)
class Options:
    level: str = option(
        "checksum",
        "What is compared: schema (every object), counts (numbers of rows, too) or checksum (every value).",
        per_run=True,
    )
    parallel_jobs: int = option(4, "How many chunks are read at the same time on each side.")
    outage_budget: float = option(600.0, "Seconds to wait for a database that is away.", metavar="SECONDS")
    table_list: tuple[str, ...] = option(
        (), "Only these tables; a cutover needs all of them compared.", per_run=True, metavar="TABLES"
    )
    exclude_table_list: tuple[str, ...] = option((), "All migrated tables but these.", per_run=True, metavar="TABLES")


@dataclass(frozen=True)
class Scope:
    """What is compared, and what is not and why. `complete` when every migrated table is. `made_since` are tables that
    the source got after its export, `exported_at` the write counters that the export's rows go with."""

    catalog: Catalog
    tables: tuple[Table, ...]
    not_compared: tuple[dict[str, str], ...]
    complete: bool
    made_since: tuple[TableName, ...] = ()
    exported_at: Mapping[TableName, WriteCounter] | None = None


def preflight(record: MigrationRecord, export_dir: ExportDir, options: Options) -> list[Check]:  # noqa: ARG001
    if options.level not in LEVELS:
        raise UsageError(f"--level is {options.level!r}.", "It can be schema, counts or checksum.")
    if options.parallel_jobs < 1:
        raise UsageError(f"--parallel-jobs is {options.parallel_jobs}.", "Give a number from 1 on.")
    return []


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    scope = _scope(job)
    ends = f"{job.source.endpoint.url} with {job.target.endpoint.url}"
    objects = f"compare every object of the schema of {ends}"
    if job.options.level == "schema":
        return [objects]
    return [
        objects,
        f"compare {len(scope.tables)} tables of {ends} ({_what(job)})",
        *(f"compare {table.name}" for table in scope.tables),
        f"compare {len(scope.catalog.sequences)} sequences with the columns that they feed",
        *(f"leave out {left['name']}: {left['reason']}" for left in scope.not_compared),
    ]


def run(job: Job) -> Outcome:
    """Compare, or go on with a comparison that was cut off.

    The source's write counters are read before its first row: equal counters later mean that what was compared is what
    the source still holds. Differences do not fail the phase: they withhold `verified`, and the exit code is 3.
    """
    from voyager.verification.request import Request

    scope = _scope(job)
    counters = job.source.write_counters(table.name for table in scope.tables)
    if counters is None:
        job.warn(
            "The source cannot tell when its tables are written, so the cutover cannot check that nothing was written "
            "after this verification."
        )
    request = Request(
        tables=scope.tables,
        sequences=scope.catalog.sequences if scope.complete else (),
        level=job.options.level,
        jobs=job.options.parallel_jobs,
        counters=counters,
    )
    started_at = _now()
    found, schema = _compare(job, request, scope)
    found.differences += [_made_since(name) for name in scope.made_since]
    body = {**_report(job, scope, found, counters, started_at), "schema": schema.to_json()}
    path = job.export_dir.reports / REPORT
    job.export_dir.write_atomic(path, json.dumps(body, indent=1).encode())
    job.store.reports.put(job.record.migration_uuid, "verification", body)
    return _outcome(scope, found, body, str(path))


def _scope(job: Job) -> Scope:
    """The tables that were exported. Without the export's own list the source's tables of today are taken."""
    from voyager.phases.export_attempt import ExportAttempt
    from voyager.phases.table_list import choose

    catalog = job.source.read_catalog()
    attempt = ExportAttempt.load(job.export_dir.data)
    chosen = choose(catalog, (), ())
    dispositions = attempt.dispositions if attempt else chosen.dispositions
    wanted = choose(catalog, job.options.table_list, job.options.exclude_table_list).tables
    migrated = {table.name for table in (attempt.tables if attempt else chosen.tables)}
    tables = tuple(table for table in wanted if table.name in migrated)
    compared = {table.name for table in tables}
    not_compared = [
        {"kind": one.kind, "name": one.name, "reason": one.reason}
        for one in dispositions
        if one.action == "skipped" and one.kind != "partitioned"  # its rows are compared, in its partitions
    ]
    not_compared += [
        {"kind": "table", "name": str(name), "reason": "it no longer exists in the source"}
        if name not in {table.name for table in catalog.tables}
        else {"kind": "table", "name": str(name), "reason": "left out of this verification"}
        for name in sorted(migrated - compared)
    ]
    known = {one.name for one in dispositions}
    return Scope(
        catalog,
        tables,
        tuple(not_compared),
        complete=migrated == compared,
        made_since=tuple(table.name for table in chosen.tables if str(table.name) not in known),
        exported_at=attempt.snapshots[0].counters if attempt and attempt.snapshots else None,
    )


def _compare(job: Job, request: Request, scope: Scope) -> tuple[Found, SchemaResult]:
    """The schema first, which is quick; then the rows, unless the schema is all that was asked for."""
    from voyager.phases.verify_schema import compare_schema
    from voyager.postgres.connection import connect
    from voyager.verification.journal import StoreJournal
    from voyager.verification.readers import Readers
    from voyager.verification.run import Found, Verification

    def readers(name: str, open_one: Callable[[], Any]) -> Readers:
        budget = float(job.options.outage_budget)
        return Readers(name, open_one, limit=request.jobs, checkpoint=job.checkpoint, outage_budget=budget)

    with (
        closing(readers("source", lambda: connect(job.source.endpoint, "verify"))) as source,
        closing(readers("target", lambda: job.target.connect("verify"))) as target,
    ):
        schema = compare_schema(job, source, target, None if scope.complete else scope.tables)
        if request.level == "schema":
            found = Found("schema")
        else:
            point = {"level": request.level, "tables": len(request.tables)}
            journal = StoreJournal(
                job.store.verification, job.record.migration_uuid, point=point, actor=job.lease.owner
            )
            found = Verification(request, source, target, journal, job.report, job.checkpoint).run()
        found.differences = schema.blocking_beside(found.differences) + found.differences
        found.notes += schema.notes
        return found, schema


def _report(
    job: Job,
    scope: Scope,
    found: Found,
    counters: Mapping[TableName, WriteCounter] | None,
    started_at: str,
) -> dict[str, Any]:
    """The whole result, as it is kept in the target and in reports/."""
    return {
        "schema_version": 1,
        "migration": job.record.name,
        "level": job.options.level,
        "method": found.method,
        "forms": found.forms,
        "clean": found.clean,
        "complete": scope.complete,
        "started_at": started_at,
        "at": _now(),
        "tables": [result.to_json() for result in found.tables],
        "differences": [difference.to_json() for difference in found.differences],
        "notes": found.notes,
        "not_compared": list(scope.not_compared),
        "counters": None if counters is None else _plain(counters),
    }


def _outcome(scope: Scope, found: Found, body: dict[str, Any], path: str) -> Outcome:
    rows = sum(result.source_rows for result in found.tables)
    what = "row by row" if body["level"] == "checksum" else "by numbers of rows"
    partly = "" if scope.complete else " This was a part of the migrated tables; a cutover needs all of them."
    counted = f"{len(found.tables):,} tables ({rows:,} rows) compared {what}"
    if body["level"] == "schema":
        counted = f"{sum(body['schema']['objects'].values()):,} objects of the schema compared"
    summary = {
        "clean": body["clean"],
        "complete": scope.complete,
        "level": body["level"],
        "method": found.method,
        "schema": {"objects": body["schema"]["objects"], "classes": body["schema"]["classes"]},
        "unchanged_since_export": _unchanged_since_export(scope, body["counters"]),
        "tables": len(found.tables),
        "tables_different": sum(1 for result in found.tables if result.state == "different"),
        "rows": rows,
        "chunks": sum(result.chunks for result in found.tables),
        "chunks_different": sum(result.chunks_different for result in found.tables),
        "differences": [_short(difference) for difference in found.differences[:SHOWN]],
        "differences_total": len(found.differences),
        "not_compared": list(scope.not_compared),
        "at": body["at"],
        "counters": body["counters"],
        "report": path,
    }
    details = (*_lines(found.differences), *found.notes, *(_left_out(one) for one in scope.not_compared))
    if not found.differences:
        return Outcome(f"{counted}: source and target are equal.{partly}", summary, details)
    return Outcome(
        f"{counted}: {len(found.differences)} differences found.{partly}", summary, details, _problem(found, path)
    )


def _unchanged_since_export(scope: Scope, counters: list[dict[str, Any]] | None) -> bool:
    """Whether the source is known to hold what was exported; else equal numbers of rows say little."""
    then = scope.exported_at
    if then is None or counters is None:
        return False
    now = {(one["schema"], one["table"]): (one["writes"], one["identity"]) for one in counters}
    return all(
        (was := then.get(table.name)) is not None
        and now.get((table.name.schema, table.name.name)) == (was.writes, was.identity)
        for table in scope.tables
    )


def _made_since(name: TableName) -> Difference:
    from voyager.verification.findings import Difference

    return Difference("table", str(name), f"Table {name} was made in the source after the export; it did not travel.")


def _problem(found: Found, path: str) -> DifferencesFound:
    objects = list(dict.fromkeys(difference.object for difference in found.differences))
    named = ", ".join(objects[:5]) + (f" and {len(objects) - 5} more" if len(objects) > 5 else "")
    return DifferencesFound(
        f"Source and target are not equal: {named}.",
        f"The report names every difference: {path}. Repair the target, then run: yb-voyager migrate verify.",
        tuple(_lines(found.differences)),
    )


def _lines(differences: list[Difference]) -> list[str]:
    """One line for each difference, and the rows of it that were located."""
    lines = []
    for difference in differences[:SHOWN]:
        rows = ", ".join(map(str, difference.rows))
        lines.append(difference.finding + (f" Rows by key: {rows}." if rows else ""))
    if len(differences) > SHOWN:
        lines.append(f"… and {len(differences) - SHOWN} more.")
    return lines


def _short(difference: Difference) -> dict[str, Any]:
    return {"kind": difference.kind, "object": difference.object, "ranges": list(difference.ranges)}


def _left_out(one: Mapping[str, str]) -> str:
    return f"Not compared: {one['kind']} {one['name']} ({one['reason']})."


def _plain(counters: Mapping[TableName, WriteCounter]) -> list[dict[str, Any]]:
    return [
        {"schema": name.schema, "table": name.name, "writes": counter.writes, "identity": counter.identity}
        for name, counter in counters.items()
    ]


def _what(job: Job) -> str:
    return "every value, by checksums" if job.options.level == "checksum" else "numbers of rows"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
