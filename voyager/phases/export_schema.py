"""EXPORT_SCHEMA: the source's DDL as files under schema/, one per kind, and an answer for what is left out."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from voyager.errors import UsageError
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option, start_clean_option
from voyager.progress import TableProgress
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.catalog import Disposition
    from voyager.schema.statements import Statement

NEEDS = ("source",)
UNDOES = "the files under schema/ are removed, edits included"


@dataclass(frozen=True)
class Options:
    object_type_list: tuple[str, ...] = option(
        (), "Export only these kinds of objects, e.g. table,sequence,view.", metavar="KINDS"
    )
    exclude_object_type_list: tuple[str, ...] = option(
        (), "Leave out these kinds of objects, e.g. trigger,policy.", metavar="KINDS"
    )
    comments_on_objects: bool = option(False, "Carry over COMMENT ON statements.")
    owners: bool = option(False, "Carry over who owns what; the roles must exist on the target.")
    start_clean: bool = start_clean_option("remove the exported schema files")
    grants: bool = option(False, "Carry over privileges; the roles must exist on the target.")


def plan(job: Job) -> list[str]:
    return [
        f"read the DDL of {job.source.endpoint.url}",
        f"write it to {job.export_dir.schema}, one file per kind of object",
    ]


def run(job: Job) -> Outcome:
    """Write the schema files anew and report every object that has none.

    Raises UsageError for an unknown kind, and what the source raises.
    """
    from voyager.schema.files import write_schema_files
    from voyager.schema.statements import split_dump

    options: Options = job.options
    _known(options.object_type_list + options.exclude_object_type_list)
    job.report(TableProgress("", "schema", "EXPORTING"))
    ddl = job.source.export_ddl(owners=options.owners, grants=options.grants, comments=options.comments_on_objects)
    job.checkpoint()
    dump = split_dump(ddl, schemas=job.source.endpoint.schemas)
    kept = [statement for statement in dump.statements if _wanted(statement, options)]
    left_out = [statement for statement in dump.statements if not _wanted(statement, options)]
    files = write_schema_files(kept, job.export_dir.schema)
    dispositions = _dispositions(dump.left_out, left_out, job.source.read_catalog().not_migrated)
    _write_report(job, kept, dispositions)
    counts = Counter(statement.kind for statement in kept)
    job.report(TableProgress("", "schema", "DONE", rows_done=len(kept), rows_total=len(kept)))
    return Outcome(
        headline=f"{counted(len(kept), 'statement')} written to {job.export_dir.schema}, "
        f"in {counted(len(files), 'file')}.",
        summary={
            "statements": len(kept),
            "objects": dict(sorted(counts.items())),
            "not_migrated": [asdict(disposition) for disposition in dispositions],
        },
        details=tuple(f"Left out: {one.kind} {one.name}: {one.reason}" for one in dispositions),
    )


def undo(job: Job) -> None:
    """Remove the schema files, those an operator added too: --start-clean says so before it asks."""
    shutil.rmtree(job.export_dir.schema, ignore_errors=True)


def _known(kinds: Iterable[str]) -> None:
    """Refuse a kind that no statement can have, naming those that exist."""
    from voyager.schema.kinds import ORDER

    unknown = [kind for kind in kinds if _normal(kind) not in ORDER]
    if unknown:
        raise UsageError(
            f"There is no kind of object called {', '.join(repr(kind) for kind in unknown)}.",
            f"Use: {', '.join(sorted(ORDER))}.",
        )


def _normal(kind: str) -> str:
    return kind.strip().lower().replace(" ", "_").replace("-", "_")


def _wanted(statement: Statement, options: Options) -> bool:
    """Comments, owners and grants follow the kind that they are about."""
    kinds = {statement.kind, statement.target} - {""}
    if options.object_type_list:
        chosen = {_normal(kind) for kind in options.object_type_list} | {"schema"}
        return bool((statement.target or statement.kind) in chosen or statement.kind in chosen)
    return not kinds & {_normal(kind) for kind in options.exclude_object_type_list}


def _dispositions(
    left_out: Iterable[Disposition], unwanted: Iterable[Statement], not_migrated: Iterable[Disposition]
) -> list[Disposition]:
    from voyager.catalog import Disposition

    by_option = [
        Disposition(statement.kind, statement.object_name, "skipped", "left out by the object type lists")
        for statement in unwanted
    ]
    return list(dict.fromkeys([*left_out, *by_option, *not_migrated]))


def _write_report(job: Job, kept: list[Statement], dispositions: list[Disposition]) -> None:
    report = {
        "schema_version": 1,
        "statements": [
            {"kind": statement.kind, "object": statement.object_name, "sha256": statement.sha256} for statement in kept
        ],
        "not_migrated": [asdict(disposition) for disposition in dispositions],
    }
    job.export_dir.write_atomic(job.export_dir.reports / "schema_export.json", json.dumps(report, indent=1).encode())
