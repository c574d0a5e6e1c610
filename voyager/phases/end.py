"""END: close the migration; clean export-dir on request; what the target says about it stays."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from voyager.errors import UsageError, disk_error
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option

if TYPE_CHECKING:
    from voyager.export_dir import ExportDir
    from voyager.ports import Check
    from voyager.store.record import MigrationRecord

NEEDS: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    clean_export_dir: bool = option(False, "Remove what this migration wrote to export-dir.", per_run=True)
    backup_dir: str | None = option(
        None, "Where the backups asked for below are kept; must not exist or be empty.", metavar="DIR", per_run=True
    )
    save_migration_reports: bool = option(False, "Keep the reports in --backup-dir.", per_run=True)
    backup_schema_files: bool = option(False, "Keep the schema files in --backup-dir.", per_run=True)
    backup_data_files: bool = option(False, "Keep the data files in --backup-dir.", per_run=True)
    backup_log_files: bool = option(False, "Keep the log files in --backup-dir.", per_run=True)


BACKUPS = (
    ("save_migration_reports", "reports"),
    ("backup_schema_files", "schema"),
    ("backup_data_files", "data"),
    ("backup_log_files", "logs"),
)
"""Option -> the folder of export-dir that it keeps."""


def preflight(_: MigrationRecord, export_dir: ExportDir, options: Options) -> list[Check]:
    """Refuse wrong backup options before anything is touched."""
    wanted = [flag for flag, _ in BACKUPS if getattr(options, flag)]
    if wanted and not options.backup_dir:
        raise UsageError(f"--{wanted[0].replace('_', '-')} needs to know where.", "Add --backup-dir DIR.")
    if options.backup_dir:
        place = Path(options.backup_dir).expanduser()
        inside = place.resolve().is_relative_to(export_dir.path.resolve())
        if inside and options.clean_export_dir:
            raise UsageError(f"--backup-dir {place} lies inside export-dir, which is to be cleaned.", "Choose another.")
        if place.exists() and not place.is_dir():
            raise UsageError(f"--backup-dir {place} is not a directory.", "Choose another.")
    return []


def plan(job: Job) -> list[str]:
    steps = [f"copy {folder}/ to {job.options.backup_dir}" for flag, folder in BACKUPS if getattr(job.options, flag)]
    if job.options.clean_export_dir:
        steps.append(f"remove schema/, data/, reports/, logs/ and .voyager/ from {job.export_dir.path}")
    return [*steps, "record the end in the target; its rows in the ybvoyager schema stay", *left_behind(job.record)]


def run(job: Job) -> Outcome:
    """Back up, clean, record. Every step may be repeated: a copy replaces an earlier one, a missing folder is fine."""
    job.checkpoint()
    kept = back_up(job.export_dir.path, job.options)
    lacking = not_backed_up(job)
    if job.options.clean_export_dir:
        job.export_dir.clean()
    abandoned = _abandoned(job.record)
    behind = left_behind(job.record)
    verb = "abandoned" if abandoned else "ended"
    return Outcome(
        headline=f"Migration {job.record.name} is {verb}. Its history stays in the target's ybvoyager schema.",
        summary={
            "end_reason": abandoned or "completed",
            "backups": kept,
            "cleaned": job.options.clean_export_dir,
        },
        details=(*(f"Kept: {path}" for path in kept), *lacking, *behind),
    )


def not_backed_up(job: Job) -> list[str]:
    """What a backup of the data files has not, in words: import data --discard-loaded removed it before."""
    from voyager.phases.export.attempt import ExportAttempt, finished_chunks
    from voyager.phases.load.loaded_files import gone

    data = job.export_dir.data
    attempt = ExportAttempt.load(data) if job.options.backup_data_files else None
    if attempt is None:
        return []
    chunks = finished_chunks(data, attempt)[0].values()
    removed = gone(data, chunks)
    lost = f"{len(removed):,} of {len(chunks):,} data files were removed once their rows were in: no backup has them."
    return [lost] if removed else []


def back_up(export_dir: Path, options: Options) -> list[str]:
    """Copy the folders asked for into --backup-dir and return where they are."""
    kept = []
    for flag, folder in BACKUPS:
        if getattr(options, flag) and (export_dir / folder).is_dir():
            assert options.backup_dir is not None
            place = Path(options.backup_dir).expanduser() / folder
            try:
                shutil.copytree(export_dir / folder, place, dirs_exist_ok=True, copy_function=_copy)
            except OSError as error:
                raise disk_error(error, place) from error
            kept.append(str(place))
    return kept


def _copy(source: str, copy: str) -> None:
    """Copy one file. Of the first that fails the reason is told: copytree would collect words, and no reason."""
    try:
        shutil.copy2(source, copy)
    except OSError as error:
        raise disk_error(error, copy, Path(source).stat().st_size) from error


def left_behind(record: MigrationRecord) -> list[str]:
    """What an abandoned migration leaves in the target, in words. Empty after its last step."""
    if not _abandoned(record):
        return []
    lines = []
    if "IMPORT_SCHEMA" in record.phases and record.phases["IMPORT_SCHEMA"].state != "NOT_STARTED":
        lines.append("Left in the target: the objects that import schema created.")
    for phase, command in (("IMPORT_DATA", "import data"), ("IMPORT_FILE", "import file")):
        totals = record.totals.get(phase)
        if totals and totals.rows_done:
            lines.append(
                f"Left in the target: {totals.rows_done:,} rows in {totals.tables} tables that {command} loaded."
            )
    if "EXPORT_DATA" in record.phases:
        lines.append("The source was only read; nothing of this migration is in it.")
    return lines


def _abandoned(record: MigrationRecord) -> str:
    """Why a migration that ends now was not seen through; "" when its last step is done."""
    last, name = ("CUTOVER", "cutover") if "CUTOVER" in record.phases else ("IMPORT_FILE", "the files were in")
    return "" if record.phases[last].state == "COMPLETED" else f"abandoned before {name}"
