"""EXPORT_SCHEMA: the source's DDL as files under schema/, one per kind, and an answer for what is left out."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from voyager.errors import UsageError
from voyager.phases.ddl.recommended import (
    FLAG,
    apply_recommendations,
    forget,
    has_assessment,
    keep,
    lines,
    without_assessment,
)
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.ports import Check
from voyager.progress import TableProgress
from voyager.wording import counted

if TYPE_CHECKING:
    from voyager.catalog import Disposition
    from voyager.export_dir import ExportDir
    from voyager.schema.statements import Statement
    from voyager.store.record import MigrationRecord

NEEDS = ("source",)
UNDOES = "the files under schema/ are removed, edits included"
_SAID_BY_THE_CATALOG = {"user_mapping", "subscription", "large_object"}


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
    grants: bool = option(False, "Carry over privileges; the roles must exist on the target.")
    apply_recommendations: bool = option(
        False,
        "Change statements as the assessment that was given to `migrate init` recommends; the originals are kept.",
        per_run=True,
    )


def check_options(options: Options) -> None:
    """Raise UsageError for a kind that no statement can have."""
    kinds_named(options.object_type_list + options.exclude_object_type_list)


def preflight(record: MigrationRecord, _: ExportDir, options: Options) -> Iterator[Check]:
    """Recommendations need an assessment."""
    if options.apply_recommendations and not has_assessment(record):
        error = without_assessment(record.name)
        yield Check("assessment_stored", "error", f"{error.message} {error.hint}", "", error.exit_code)


def plan(job: Job) -> list[str]:
    steps = [
        f"read the DDL of {job.source.endpoint.url}",
        f"write it to {job.export_dir.schema}, one file per kind of object",
    ]
    if job.options.apply_recommendations and has_assessment(job.record):
        kept, _, _ = _read(job)
        steps += [f"keep the originals in {job.export_dir.schema / 'originals'}"]
        steps += lines(apply_recommendations(job, kept))
    return steps


def run(job: Job) -> Outcome:
    """Write the schema files anew and report every object that has none. Raises what the source raises."""
    from voyager.schema.files import write_schema_files

    options: Options = job.options
    job.report(TableProgress("", "schema", "EXPORTING"))
    originals, dump_left_out, left_out = _read(job)
    kept, changed = originals, None
    if options.apply_recommendations:
        changed = apply_recommendations(job, originals)
        kept = list(changed.statements)
    forget(job.export_dir)
    recommended = {"recommendations": keep(job, changed, originals)} if changed else {}
    files = write_schema_files(kept, job.export_dir.schema)
    advised = changed.left_out if changed else ()
    dispositions = _dispositions(dump_left_out, left_out, job.source.read_catalog().not_migrated, advised)
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
            **recommended,
        },
        details=(
            *(lines(changed) if changed else _not_asked_for(job)),
            *(f"Left out: {one.kind} {one.name}: {one.reason}" for one in dispositions),
        ),
    )


def _read(job: Job) -> tuple[list[Statement], tuple[Disposition, ...], list[Statement]]:
    """The source's DDL: the statements that are wanted, what the dump has that cannot be carried over, and the rest."""
    from voyager.schema.statements import split_dump

    options: Options = job.options
    ddl = job.source.export_ddl(owners=options.owners, grants=options.grants, comments=options.comments_on_objects)
    job.checkpoint()
    dump = split_dump(ddl, schemas=job.source.endpoint.schemas)
    kept, left_out = _choose(dump.statements, options)
    return kept, dump.left_out, left_out


def _not_asked_for(job: Job) -> Iterator[str]:
    """A word on recommendations that are there and were not asked for."""
    if has_assessment(job.record):
        yield f"The recommendations of the assessment were not applied; to apply them: --start-clean {FLAG}."


def undo(job: Job) -> None:
    """Remove the schema files, those an operator added too: --start-clean says so before it asks."""
    forget(job.export_dir)
    shutil.rmtree(job.export_dir.schema, ignore_errors=True)


def kinds_named(named: Iterable[str]) -> frozenset[str]:
    """The kinds that an option names. Raises UsageError for one that no statement can have, naming those there are."""
    from voyager.schema.kinds import ALIASES, ORDER

    given = {kind: kind.strip().lower().replace(" ", "_").replace("-", "_") for kind in named}
    kinds = {kind: ALIASES.get(name, name) for kind, name in given.items()}
    unknown = [kind for kind, name in kinds.items() if name not in ORDER]
    if unknown:
        raise UsageError(
            f"There is no kind of object called {', '.join(repr(kind) for kind in unknown)}.",
            f"Use: {', '.join(sorted(ORDER))}.",
        )
    return frozenset(kinds.values())


def _choose(statements: Sequence[Statement], options: Options) -> tuple[list[Statement], list[Statement]]:
    """Return (wanted, left out). Parts go with their whole (a primary key with its table); comments, owners and grants
    with what they are about."""
    from voyager.schema.kinds import PART_OF

    chosen, excluded = kinds_named(options.object_type_list), kinds_named(options.exclude_object_type_list)
    keys = {(one.schema, one.name) for one in statements if one.kind in {"primary_key", "unique"}}

    def wanted(statement: Statement) -> bool:
        subject = _subject(statement, keys)
        names = {subject, PART_OF.get(subject, subject)}
        if excluded & (names | {statement.kind}):
            return False
        return not chosen or subject == "schema" or bool(chosen & names)

    return [one for one in statements if wanted(one)], [one for one in statements if not wanted(one)]


def _subject(statement: Statement, keys: set[tuple[str, str]]) -> str:
    """The kind that decides whether a statement is wanted."""
    kind = statement.target or statement.kind
    if kind in {"constraint", "not_valid_constraint"} and statement.table is None:
        return "domain"
    if kind == "index_attach" and (statement.schema, statement.name) in keys:
        return "primary_key"
    return kind


def _dispositions(
    left_out: Iterable[Disposition],
    unwanted: Iterable[Statement],
    not_migrated: Iterable[Disposition],
    advised: Iterable[Statement],
) -> list[Disposition]:
    from voyager.catalog import Disposition

    by_option = [
        Disposition(statement.kind, statement.object_name, "skipped", "left out by the object type lists")
        for statement in unwanted
    ]
    # The catalog names these too, whether or not the dump has them.
    from_dump = [one for one in left_out if one.kind not in _SAID_BY_THE_CATALOG]
    by_advice = [
        Disposition(statement.kind, statement.object_name, "skipped", "redundant by the assessment; kept aside")
        for statement in advised
    ]
    return list(dict.fromkeys([*from_dump, *by_option, *by_advice, *not_migrated]))


def _write_report(job: Job, kept: list[Statement], dispositions: list[Disposition]) -> None:
    report = {
        "schema_version": 1,
        "statements": [
            {"kind": statement.kind, "object": statement.object_name, "sha256": statement.sha256} for statement in kept
        ],
        "not_migrated": [asdict(disposition) for disposition in dispositions],
    }
    job.export_dir.write_atomic(job.export_dir.reports / "schema_export.json", json.dumps(report, indent=1).encode())
