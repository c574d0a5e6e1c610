"""What verify does beyond comparing: repair SQL as files, and applying them when that was asked for and confirmed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from voyager.errors import DifferencesFound, NotAllowed, VoyagerError
from voyager.phases.job import Job, Outcome
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.verification.findings import Found
    from voyager.verification.readers import Readers
    from voyager.verification.repair_apply import TableRepair
    from voyager.verification.repair_files import Spool
    from voyager.verification.repair_read import Concerned

FOLDER = "repair"
NOT_TWICE = (
    "Leave --apply-repair out: these repair files are not run a second time. `yb-voyager migrate verify` says what is "
    "left, and writes files for it."
)


@dataclass(frozen=True)
class Repaired:
    """What applying repair files came to, table by table; `broken` says which foreign keys do not hold since,
    `keys_in_force` that they were checked meanwhile. Unless it `ended`, some statements were not run; unless
    `keys_seen`, not all foreign keys were looked at."""

    tables: tuple[TableRepair, ...] = field(default=())
    broken: tuple[str, ...] = ()
    keys_in_force: bool = False
    ended: bool = True
    keys_seen: bool = True

    @property
    def sentence(self) -> str:
        rows = {verb: sum(one.rows[verb] for one in self.tables) for verb in ("INSERT", "UPDATE", "DELETE")}
        failed = [one for one in self.tables if one.failed]
        left = [one for one in self.tables if one.skipped]
        begun = "" if self.ended else "The repair was cut off. "
        touched = len(self.tables) if self.ended else sum(bool(one.rows) for one in self.tables)
        says = (
            f"{begun}{counted(touched, 'table')} repaired: {rows['INSERT']:,} rows inserted, {rows['UPDATE']:,} "
            f"changed, {rows['DELETE']:,} deleted."
        )
        says += f" The target refused rows of {counted(len(failed), 'table')}." if failed else ""
        says += f" Because of foreign keys, {counted(len(left), 'table')} had to wait." if left else ""
        return says + (f" {counted(len(self.broken), 'foreign key')} must be looked at." if self.broken else "")

    @property
    def details(self) -> tuple[str, ...]:
        """One line for each table that is not repaired as a whole."""
        lines = [
            f"Table {one.table} was not repaired to its end: "
            + (f"{counted(one.refused, 'row')} refused, the first with: " if one.refused else "")
            + f"{one.failed}."
            for one in self.tables
            if one.failed
        ]
        lines += [f"Table {one.table}: {one.skipped}." for one in self.tables if one.skipped]
        if lines and self.keys_in_force:
            lines.append(
                "Triggers and foreign keys were in force, since the role may not set session_replication_role in the "
                "target; with it, values in a circle can be repaired, too (docs/verification.md)."
            )
        lines += [
            f"Table {one.table}: {counted(one.not_repaired, 'row')} that no statement repairs; its file names them."
            for one in self.tables
            if one.not_repaired
        ]
        if not self.keys_seen and not self.keys_in_force and any(one.rows for one in self.tables):
            lines.append(
                "Not all foreign keys from and to the repaired tables were looked at, and they were not in force: to "
                "have one checked, drop it and add it again."
            )
        return (*self.broken, *lines)

    @property
    def summary(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "repaired": [one.to_json() for one in self.tables],
            "repair_ended": self.ended,
            "broken_foreign_keys": list(self.broken),
        }


def folder(job: Job) -> Path:
    return job.export_dir.reports / FOLDER


def collect(job: Job) -> Spool:
    """Where the differences of a comparison that begins are kept; files of an earlier one are removed."""
    from voyager.verification.repair_files import spool

    return spool(folder(job))


def write(
    job: Job, found: Spool, concerned: Sequence[Concerned], sides: tuple[Readers, Readers], *, at: str, counters: Any
) -> list[str]:
    """Write the repair files of a comparison and return their names. `counters` are the source's, as the report has
    them."""
    from voyager.verification.repair_files import Origin, write_files

    abilities = job.target.capabilities
    origin = Origin(
        at,
        job.source.endpoint.url,
        job.target.endpoint.url,
        counters,
        replication_role=abilities.replication_role,
        by_place=abilities.tid_range_scans,
    )
    return [f"reports/{FOLDER}/{one.name}" for one in write_files(found, concerned, *sides, origin)]


def unrepaired(found: Spool, result: Found) -> list[str]:
    """Why rows that differ are in no repair file, if some are."""
    from voyager.verification.repair_files import without_files

    return without_files(found, result.differences, counts_only=result.method == "counts")


def apply_repair(job: Job) -> Repaired:
    """Run the files that the last verification wrote, unless the source was written since; verify afterwards.

    Raises NotAllowed when the files are not those of the last verification or say nothing about the source of now,
    UsageError when there are none, LeaseLost when somebody took the phase over.
    """
    from voyager.phases.recorded import recorded_connection
    from voyager.postgres.marked import mark
    from voyager.verification import source_since
    from voyager.verification.repair_apply import Applier
    from voyager.verification.repair_keys import broken_keys
    from voyager.verification.repair_list import AGAIN, RepairList, same_counters

    repair = RepairList.load(folder(job))
    repair.check()
    tables = [one.table for one in repair.files]
    since = datetime.fromisoformat(repair.at)
    counters = job.source.write_counters(tables, since=since)
    if counters is None and (untold := source_since.untold(job.source.read_unreported(since))):
        raise NotAllowed(untold.says, untold.hint)
    if not same_counters(repair.counters, counters, tables):
        raise NotAllowed(
            f"The source was (or may have been) written since {repair.at}, when the repair files were made.", AGAIN
        )
    with recorded_connection(job, "verify --apply-repair") as connection:
        mark(connection)
        repair.mark_applied(datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"))
        applier = Applier(connection, lambda one: _hold_lease(job, one), job.checkpoint)
        broken: list[str] = []
        ended = False
        try:
            applier.apply(repair)
            ended = True
            touched = [one.table for one in applier.done if one.rows]
            for line in broken_keys(connection, touched, checkpoint=job.checkpoint) if repair.replication_role else ():
                broken.append(line)
                job.warn(line)  # also where the comparison that follows comes to no end
        except VoyagerError as error:
            so_far = Repaired(applier.done, tuple(broken), not repair.replication_role, ended, keys_seen=False)
            raise told_of(error, so_far) from error.__cause__
    return Repaired(applier.done, tuple(broken), not repair.replication_role)


def told(outcome: Outcome, repaired: Repaired) -> Outcome:
    """The outcome of the verification that followed, with what was repaired before it."""
    return dataclasses.replace(
        outcome,
        headline=f"{repaired.sentence} {outcome.headline}",
        summary={**outcome.summary, **repaired.summary},
        details=(*repaired.details, *outcome.details),
        problem=outcome.problem or _broken(repaired),
    )


def told_of(error: VoyagerError, repaired: Repaired) -> VoyagerError:
    """What ended the repair, or the verification that followed, with what was repaired before it: nobody else says."""
    error.message = f"{repaired.sentence} {error.message}"
    error.args = (error.message,)
    error.hint = f"{error.hint} {NOT_TWICE}".strip()
    error.details = (*repaired.details, *error.details)
    error.summary = {**error.summary, **repaired.summary}
    return error


def _broken(repaired: Repaired) -> DifferencesFound | None:
    if not repaired.broken:
        return None
    return DifferencesFound(
        "Source and target are equal, but foreign keys of the target do not hold, or could not be checked.",
        "Look for those rows in the source, where they refer to nothing either, or in tables that were not compared; "
        "repair them, then drop the foreign key and add it again, which checks it.",
        repaired.broken,
    )


def planned(job: Job) -> list[str]:
    """What apply_repair() would do, for --dry-run."""
    from voyager.verification.repair_list import RepairList

    repair = RepairList.load(folder(job))
    return [
        f"run {repair.directory / one.name} on {job.target.endpoint.url}: {_counts(one.statements)}"
        for one in repair.files
    ]


def _counts(statements: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {verb}" for verb, number in statements.items() if number) or "nothing to run"


def _hold_lease(job: Job, connection: Any) -> None:
    from voyager.store.lease import lost
    from voyager.store.ledger import HOLD_LEASE

    lease = job.lease
    sql = re.sub(r"\$\d", "%s", HOLD_LEASE)
    if connection.execute(sql, [lease.migration_uuid, lease.phase, lease.token]).fetchone() is None:
        raise lost(lease)
