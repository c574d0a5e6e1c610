"""CUTOVER: the decision that the target is the database now, taken behind gates and recorded with who and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from voyager.errors import BlockersFound, DamagedFile, NotAllowed, UsageError
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.catalog import Sequence
    from voyager.export_dir import ExportDir
    from voyager.ports import Check
    from voyager.store.record import MigrationRecord

NEEDS = ("source", "target")


@dataclass(frozen=True)
class Options:
    to: str = option("target", "Which way to cut over: target. (source and source-replica belong to live migrations.)")
    cancel: bool = option(False, "Call off a cutover that was initiated and did not complete.", per_run=True)
    accept_source_changes: str | None = option(
        None,
        "Cut over although the source was (or may have been) written since verify. Takes the migration's name.",
        per_run=True,
        metavar="MIGRATION-NAME",
    )
    accept_unverified: str | None = option(
        None,
        "Cut over without a clean verification. Takes the migration's name.",
        per_run=True,
        metavar="MIGRATION-NAME",
    )


OVERRIDES = {"accept_source_changes": "source_unchanged", "accept_unverified": "verified"}
"""Option -> the condition that it passes."""


def preflight(record: MigrationRecord, _: ExportDir, options: Options) -> list[Check]:
    if options.to != "target":
        raise UsageError(
            f"An {record.workflow} migration has no way to cut over to {options.to!r}.", "Use: --to target."
        )
    return _coverage(record)


def _coverage(record: MigrationRecord) -> list[Check]:
    """What no comparison has seen, where less than all of it was asked for: said once more before it counts."""
    from voyager.ports import Check
    from voyager.verification.gate import covers, share_of

    verify = record.phases.get("VERIFY")
    if verify is None or not verify.summary or share_of(verify.summary) >= 100:
        return []
    coverage = verify.summary.get("coverage") or {}
    why = f": it {' and '.join(coverage['short'])}" if coverage.get("short") else ""
    return [Check("verify_coverage", "warning", f"the last verification covers {covers(coverage)}{why}")]


def may_begin(job: Job) -> None:
    """Raise BlockersFound when a sequence of the target would hand out a value that exists; warn of one that has none
    left there.

    The latter is no blocker: as long as the row stays that has its last value, a sequence that is set back is behind,
    and whether anything still asks it for a value only the application knows.
    """
    from voyager.target import sequences

    with job.target.connect("cutover") as connection:
        found = sequences.check(connection, job.record.settings.get("schemas", ()), known=_of_source(job))
    for used_up in found.used_up:
        job.warn(f"{used_up} {used_up.remedy}")
    if found.behind:
        raise BlockersFound(
            f"{counted(len(found.behind), 'sequence')} of the target would hand out values that exist: inserts would "
            "fail.",
            "Run what is listed on the target, then cut over again.",
            tuple(f"{sequence} {sequence.remedy}" for sequence in found.behind),
        )


def _of_source(job: Job) -> list[Sequence]:
    """The source's sequences as they were exported; none where the files are not here any more."""
    from voyager.phases import sequence_file

    try:
        return sequence_file.load(job.export_dir.data)
    except (NotAllowed, DamagedFile):
        return []


def plan(job: Job) -> list[str]:
    return ["check that every sequence of the target is beyond its column's highest value", *checklist(job)]


def run(job: Job) -> Outcome:
    """Record the cutover. One that was begun before, and goes on, asks first what may_begin() asks; of one that begins
    now that was asked a moment ago."""
    if _begun_before(job):
        may_begin(job)
    steps = checklist(job)
    return Outcome(
        headline=f"Cutover of {job.record.name} is recorded: {job.target.endpoint.url} is the database now.",
        summary={"to": "target", "by": job.lease.owner, "checklist": steps},
        details=tuple(steps),
    )


def _begun_before(job: Job) -> bool:
    """Whether an earlier command began this cutover: the job's record is that of before this one began it."""
    begun = job.record.phases.get("CUTOVER")
    return begun is not None and begun.state != "NOT_STARTED"


def checklist(job: Job) -> list[str]:
    """What people do around the cutover: stop, repoint, and how to go back."""
    source, target = job.source.endpoint, job.target.endpoint
    return [
        f"Stop: every application that writes to {source.url}; keep it stopped.",
        f"Repoint: connection strings from {source.host}:{source.port}/{source.database} "
        f"to {target.host}:{target.port}/{target.database}.",
        "Start the applications against the target and watch their errors.",
        f"To go back: nothing was changed in {source.url}. Until the target takes writes that matter, repoint the "
        "applications to the source; writes made to the target meanwhile stay in the target and are not carried back.",
        *(f"Materialized view {name} is not filled: {reason}" for name, reason in _not_filled(job).items()),
        "Then run: yb-voyager migrate finalize.",
    ]


def _not_filled(job: Job) -> dict[str, str]:
    """The materialized views that import data could not refresh, with the reason."""
    imported = job.record.phases.get("IMPORT_DATA")
    found: dict[str, str] = imported.summary.get("post_data", {}).get("not_refreshed", {}) if imported else {}
    return found
