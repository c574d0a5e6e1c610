"""FINALIZE: after the cutover: refresh, validate, gather statistics. Nothing the application needs waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from voyager.identifiers import TableName
from voyager.phases.ddl.upkeep import Analysis, refresh_materialized_views, summary, tables_of
from voyager.phases.import_schema import statements_of
from voyager.phases.job import Job, Outcome
from voyager.phases.options import option
from voyager.phases.recorded import recorded_connection
from voyager.wording import counted

NEEDS = ("target",)


@dataclass(frozen=True)
class Options:
    skip_validation: bool = option(False, "Leave constraints that are NOT VALID as they are.")


def plan(job: Job) -> list[str]:
    from voyager.target import maintenance

    with job.target.connect("finalize") as connection:
        pending = [] if job.options.skip_validation else maintenance.not_valid_constraints(connection, migrated(job))
    return ["refresh every materialized view", *(sql for _, sql in pending), "ANALYZE every migrated table"]


def run(job: Job) -> Outcome:
    """Refresh the materialized views, validate what is NOT VALID, ANALYZE. Every step may be repeated."""
    refreshed = refresh_materialized_views(job)
    validated, refused = ([], []) if job.options.skip_validation else validate(job)
    analyzed = Analysis(job, tables_of(statements_of(job)[0])).finish()
    for sentence in refused:
        job.warn(sentence)
    return Outcome(
        headline=f"{counted(len(refreshed.done), 'materialized view')} refreshed, "
        f"{counted(len(validated), 'constraint')} validated, {counted(len(analyzed.done), 'table')} analyzed.",
        summary={
            **summary(refreshed, analyzed),
            "validated": validated,
            "left_not_valid": refused,
        },
        details=(*refused, *refreshed.refused.values(), *analyzed.refused.values()),
    )


def validate(job: Job) -> tuple[list[str], list[str]]:
    """Validate what is NOT VALID. Rows that break one are the source's own: it stays NOT VALID and is named."""
    from voyager.target import ddl, maintenance

    validated: list[str] = []
    refused: list[str] = []
    with recorded_connection(job, "finalize") as connection:
        for name, sql in maintenance.not_valid_constraints(connection, migrated(job)):
            job.checkpoint()
            try:
                ddl.execute(connection, sql, what=f"VALIDATE CONSTRAINT {name}")
                validated.append(name)
            except ddl.StatementFailed as error:
                refused.append(f"Constraint {name} stays NOT VALID: {error.reason}")
    return validated, refused


def migrated(job: Job) -> set[TableName]:
    """The tables and domains of the schema files; what else the target holds is not ours to judge."""
    kinds = {"table", "foreign_table", "domain"}
    return {TableName(one.schema, one.name) for one in statements_of(job)[0] if one.kind in kinds}
