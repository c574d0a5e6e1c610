"""VERIFY: source and target compared, from their definitions down to every value, as deep as was asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.errors import UsageError, VoyagerError
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.export_dir import ExportDir
    from voyager.ports import Check
    from voyager.store.record import MigrationRecord

NEEDS = ("source", "target")
REPORT = "verification_report.json"
PAGE = "verification_report.html"
_WHAT = {
    "schema": "",
    "counts": "numbers of rows",
    "checksum": "every value, by checksums",
    "rows": "every value, row by row",
}


@dataclass(frozen=True)
class Options:
    level: str = option(
        "checksum",
        "How deep: schema (definitions of all objects), counts (and numbers of rows), checksum (and every value, by "
        "checksums that the servers make) or rows (every row is read and compared).",
        per_run=True,
        metavar="schema|counts|checksum|rows",
    )
    parallel_jobs: int = option(4, "How many chunks are read at the same time on each side.")
    max_duration: str | None = option(
        None,
        "Begin no chunk after this time (90s, 45m, 2h30m). What is compared is kept: the same command goes on.",
        per_run=True,
        metavar="TIME",
    )
    max_load: int | None = option(
        None,
        "Wait with the next chunk while more than N sessions of others are at work on the source or the target.",
    )
    statement_timeout: float | None = option(
        None,
        "Seconds after which a server gives up a query of ours: a range of keys is then read in halves, a table that "
        "has none is reported; 0 for no limit (default: 300 for ranges of keys, no limit for whole tables).",
        metavar="SECONDS",
    )
    table_list: tuple[str, ...] = option(
        (), "Only these tables; a cutover needs all of them compared.", per_run=True, metavar="TABLES"
    )
    exclude_table_list: tuple[str, ...] = option((), "All migrated tables but these.", per_run=True, metavar="TABLES")
    sample: str | None = option(
        None,
        "Compare this part of every large table's chunks only, the same ones each time (5%). A cutover needs all.",
        per_run=True,
        metavar="PERCENT",
    )
    since: tuple[str, ...] = option(
        (),
        "Compare only rows changed since: a column that tells when, and the first value that counts, quoted for the "
        "shell: 'updated_at>=2026-11-01', for one table 'sales.orders.changed>=2026-11-01'; give it once for each. "
        "Tables without such a column are compared whole. A cutover needs all rows.",
        per_run=True,
        metavar="[TABLE.]COLUMN>=VALUE",
        repeated=True,
    )
    float_tolerance: bool = option(
        False,
        "Tell rows apart that are equal once floating-point numbers are rounded; they do not count.",
        per_run=True,
    )
    show_values: bool = option(
        False, "Show the values that differ, in the report and here; without it only keys and columns.", per_run=True
    )
    max_differences: int = option(100, "How many differing rows of a table are named; all are counted.")
    apply_repair: bool = option(
        False,
        "Run the repair SQL that the last verification wrote (reports/repair) on the target, then verify again. Needs "
        "confirmation; refused when the source was written since.",
        per_run=True,
    )
    outage_budget: float = option(600.0, "Seconds to wait for a database that is away.", metavar="SECONDS")


def asks(options: Options) -> str:
    """What must be confirmed before verify may run with these options."""
    if options.apply_repair:
        return "The repair SQL in reports/repair is about to change rows of the target."
    return ""


def preflight(record: MigrationRecord, export_dir: ExportDir, options: Options) -> list[Check]:  # noqa: ARG001
    """Refuse options that mean nothing, before anything is asked of a server. Raises UsageError, and NotAllowed for
    repair files that may not be applied."""
    from voyager.phases.comparison.options import change, seconds, share
    from voyager.verification.request import LEVELS

    levels = ("schema", *LEVELS)
    if options.level not in levels:
        raise UsageError(f"--level is {options.level!r}.", f"It can be {', '.join(levels[:-1])} or {levels[-1]}.")
    least = {"parallel_jobs": 1, "max_load": 0, "statement_timeout": 0, "max_differences": 0}
    for name, smallest in least.items():
        value = getattr(options, name)
        if value is not None and not value >= smallest:
            flag = "--" + name.replace("_", "-")
            raise UsageError(f"{flag} is {value:g}.", f"Give a number from {smallest} on.")
    if options.max_duration is not None:
        seconds(options.max_duration)
    if options.sample is not None:
        share(options.sample)
    for text in options.since:
        change(text)
    if options.level == "schema" and (options.sample or options.since):
        raise UsageError("--sample and --since choose rows, and --level schema reads none.", "Leave one of them out.")
    if options.apply_repair:
        from voyager.phases.comparison.repair import FOLDER
        from voyager.verification.repair_list import RepairList

        RepairList.load(export_dir.reports / FOLDER).check()
    return []


def plan(job: Job) -> list[str]:
    """What run() would do, for --dry-run."""
    from voyager.phases.comparison.repair import planned
    from voyager.phases.comparison.scope import extent_of, scope_of

    scope = scope_of(job)
    extent = extent_of(scope, job)
    ends = f"{job.source.endpoint.url} with {job.target.endpoint.url}"
    objects = f"compare every object of the schema of {ends}"
    first = planned(job) if job.options.apply_repair else []
    if not _WHAT[job.options.level]:
        return [*first, objects]
    part = f", a sample of {100 * extent.sample:g} % of the chunks" if extent.sample < 1.0 else ""
    changed = f", only rows with {extent.since} in {counted(len(scope.since), 'table')}" if extent.since else ""
    return [
        *first,
        objects,
        f"compare {counted(len(scope.tables), 'table')} of {ends} ({_WHAT[job.options.level]}{part}{changed})",
        *(f"compare {table.name}" for table in scope.tables),
        f"compare {counted(len(scope.catalog.sequences), 'sequence')} with the columns that they feed",
        *(f"leave out {left['name']}: {left['reason']}" for left in scope.not_compared),
    ]


def run(job: Job) -> Outcome:
    """Compare, or go on with a comparison that was cut off.

    Both ends' write counters are read before the first row: equal counters later mean that what was compared is what
    they still hold. Differences do not fail the phase: they withhold `verified`, and the exit code is 3. When the time
    is up the report tells what was reached, and the phase stays begun.
    """
    from voyager.phases.comparison.repair import apply_repair, told, told_of

    if not job.options.apply_repair:
        return _compared(job)
    repaired = apply_repair(job)
    try:
        return told(_compared(job), repaired)
    except VoyagerError as error:
        raise told_of(error, repaired) from error.__cause__


def _compared(job: Job) -> Outcome:
    """Compare, and leave the report of what was reached."""
    from voyager.phases.comparison.outcome import outcome, time_is_up
    from voyager.phases.comparison.run import compare
    from voyager.verification.page import render_html
    from voyager.verification.report import document

    result = compare(job)
    body = document(result)
    path = job.export_dir.reports / REPORT
    job.export_dir.write_atomic(path, json.dumps(body, indent=1).encode())
    job.export_dir.write_atomic(job.export_dir.reports / PAGE, render_html(body).encode())
    job.store.reports.put(job.record.migration_uuid, "verification", body)
    stopped = time_is_up(result, body, job.options.max_duration, str(path))
    if stopped is not None:
        raise stopped
    return outcome(result.found, body, str(path))
