"""Registration: what `migrate init` does: probe both ends, ask the guardrails, lay the state schema, write the row."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from statemachine.definition import COMPLETED, NOT_STARTED, Facts, Workflow
from statemachine.guidance import next_action
from statemachine.machine import initial
from statemachine.workflows import WORKFLOWS
from voyager import __version__
from voyager.context import Context, actor
from voyager.endpoint import Endpoint
from voyager.errors import NotAllowed, UsageError
from voyager.export_dir import ExportDir
from voyager.guardrails import stop_at_errors
from voyager.identifiers import visible
from voyager.phases.job import Outcome
from voyager.ports import Capabilities, Check, Source
from voyager.runner import Result, Run
from voyager.sources import open_source
from voyager.store.state import NewMigration, StateStore
from voyager.target.target import Target

if TYPE_CHECKING:
    from voyager.config import Config
    from voyager.phases.initialize import Options

SPACE_FACTOR = 1.2
"""COPY text of a table is rarely more than this times its heap; what export data needs is checked again there."""


@dataclass(frozen=True)
class PriorAssessment:
    """The report of an assessment that a migration begins with, and where it was found."""

    directory: str
    report: dict[str, Any]

    @property
    def remembered(self) -> dict[str, Any]:
        """What the migration's settings keep of it; the report itself is among the reports."""
        return {
            "directory": self.directory,
            "database": (self.report.get("SchemaSummary") or {}).get("DbName"),
            "assessed_for": self.report.get("TargetDBVersion"),
            "assessed_at": self.report.get("AssessedAt"),
        }


@dataclass(frozen=True)
class Registration:
    """Everything `migrate init` found out before it changes anything."""

    name: str
    workflow: Workflow
    source: Source
    target: Target
    export_dir: ExportDir
    source_capabilities: Capabilities
    target_capabilities: Capabilities
    checks: tuple[Check, ...]
    assessment: PriorAssessment | None = None

    @property
    def target_endpoint(self) -> Endpoint:
        """The target's address, which says what the server was found to be."""
        return replace(self.target.endpoint, engine="yugabytedb" if self.target_capabilities.release else "postgresql")


def workflow_to_run(options: Options) -> Workflow:
    """The chosen workflow. Raises UsageError for one that is not there, or that `migrate init` cannot begin."""
    workflow = WORKFLOWS.get(options.workflow)
    if workflow is None:
        raise UsageError(f"There is no workflow {options.workflow!r}.", f"Use one of: {', '.join(WORKFLOWS)}.")
    if not workflow.reads_source:
        raise UsageError(
            "A migration of files needs no `migrate init`: its first run registers it.",
            "Run: yb-voyager migrate import file --data-dir PLACE --file-table-map FILE:TABLE,…",
        )
    if any(phase.streams for phase in workflow.phases):
        raise UsageError(
            f"The {options.workflow} workflow is declared but cannot be run by this version.",
            "Use: --workflow offline, or --workflow pipelined.",
        )
    return workflow


def inspect(config: Config, options: Options) -> Registration:
    """Probe both ends and ask every guardrail; changes nothing.

    Raises UsageError for options that make no sense, DatabaseAway or PermissionMissing when an end cannot be reached.
    """
    workflow = workflow_to_run(options)
    name = config.migration_name or config.source.database
    assessment = read_assessment(config)
    source, target = open_source(config.source), Target(config.target)
    export_dir = ExportDir(Path(config.export_dir or name).expanduser().absolute())
    source_capabilities, target_capabilities = source.probe(), target.probe()
    checks = (
        *source.preflight("INITIALIZE"),
        *target.preflight(
            "INITIALIZE",
            source=source_capabilities,
            schemas=config.source.schemas,
            extensions=source_capabilities.facts.get("extensions", ()),
            allow_non_empty=options.allow_non_empty,
        ),
        *_same_database(config.source, config.target),
        *_room_for(export_dir, source_capabilities),
        *(_same_source(assessment, config) if assessment else ()),
    )
    return Registration(
        name=name,
        workflow=workflow,
        source=source,
        target=target,
        export_dir=export_dir,
        source_capabilities=source_capabilities,
        target_capabilities=target_capabilities,
        checks=checks,
        assessment=assessment,
    )


def read_assessment(config: Config) -> PriorAssessment | None:
    """The assessment that --assessment-dir names, None without one.

    Raises UsageError when there is no report in it, when that cannot be read, or is about another kind of database.
    """
    directory = config.assessment_dir
    if directory is None:
        return None
    from voyager.assessment.report_json import REPORT, read_report
    from voyager.assessment_dir import AssessmentDir
    from voyager.schema.recommendations import read_recommendations

    report = read_report(AssessmentDir(directory).reports / f"{REPORT}.json")
    read_recommendations(report)
    engine = (report.get("Source") or {}).get("engine")
    if engine and engine != config.source.engine:
        raise UsageError(
            f"The assessment in {directory} is about {engine}, the source is {config.source.engine}.",
            "Give the directory of this source's assessment with --assessment-dir, or leave it out.",
        )
    return PriorAssessment(str(directory), report)


def initialize(config: Config, options: Options, run: Run) -> tuple[Result, Context | None]:
    """Register a migration in the target; with `run.dry_run` only say what would be done.

    Safe to run again after any crash: the DDL is idempotent and the row is written last.
    """
    found = inspect(config, options)
    store = StateStore.connect(config.target)
    # Before the guardrails: what an earlier migration has brought would be called a target that is not empty.
    refuse_second(store, found.name, found.export_dir)
    if run.dry_run:
        plan = (
            f"create the ybvoyager schema in {config.target.url}:",
            *store.ddl.script(config.target.user).splitlines(),
            f"create {found.export_dir.path}",
            *([f"store the report of the assessment in {found.assessment.directory}"] if found.assessment else []),
            f"register migration {found.name}",
        )
        return Result("INITIALIZE", checks=found.checks, plan=plan), None
    stop_at_errors(found.checks, "Initialize")
    found.export_dir.create()
    store.ddl.install(together=found.target_capabilities.transactional_ddl)
    new = _new_migration(found, config)
    if found.assessment is not None:
        # Before the row, which is what makes a migration: one that is cut off here is begun again as if it never was.
        store.reports.put(new.migration_uuid, "assessment", found.assessment.report)
    record = store.migrations.register(new)
    context = Context(
        store=store,
        record=record,
        target_endpoint=found.target_endpoint,
        find_source=lambda: config.source,
        lease_seconds=config.lease_seconds,
    )
    context.remember()
    headline = f"Migration {found.name} is initialized: its state is in {found.target_endpoint.url}, schema ybvoyager."
    summary = {"uuid": str(record.migration_uuid), "export_dir": str(found.export_dir.path)}
    details: tuple[str, ...] = ()
    if found.assessment is not None:
        summary["assessment"] = found.assessment.directory
        details = (_told(found.assessment),)
    return Result("INITIALIZE", Outcome(headline, summary, details), found.checks), context


def _told(assessment: PriorAssessment) -> str:
    from voyager.schema.recommendations import read_recommendations

    return (
        f"The assessment in {assessment.directory} is stored: {read_recommendations(assessment.report).says}. "
        "To apply that: yb-voyager migrate export schema --apply-recommendations."
    )


def refuse_second(store: StateStore, name: str, export_dir: ExportDir) -> None:
    """One active migration for a name, and one for an export-dir: two would overwrite each other's files."""
    if not store.ddl.installed():
        return
    for other in store.migrations.find(active_only=True):
        if other.name == name:
            raise NotAllowed(
                f"A migration called {other.name} is active in this target already.",
                f"Go on with: yb-voyager migrate next --migration-name {other.name}, or choose another "
                "--migration-name.",
            )
        if other.export_dir == str(export_dir.path):
            raise NotAllowed(
                f"{export_dir.path} belongs to the active migration {other.name}.",
                "Give another --export-dir, or end that migration first: yb-voyager migrate end "
                f"--migration-name {other.name}.",
            )


def _new_migration(found: Registration, config: Config) -> NewMigration:
    configuration = {**initial(found.workflow), "INITIALIZE": COMPLETED}
    action = next_action(found.workflow, configuration, Facts())
    return NewMigration(
        migration_uuid=uuid4(),
        name=found.name,
        workflow=found.workflow.name,
        source=_described(config.source, found.source_capabilities),
        target=_described(found.target_endpoint, found.target_capabilities),
        export_dir=str(found.export_dir.path),
        voyager_version=__version__,
        settings={
            "schemas": list(config.source.schemas),
            **({"assessment": found.assessment.remembered} if found.assessment else {}),
        },
        phase_table=phase_table(found.workflow),
        capabilities={
            "source": capabilities_json(found.source_capabilities),
            "target": capabilities_json(found.target_capabilities),
        },
        phases=configuration,
        actor=actor(),
        next_if_idle=action.to_json(),
        next_if_running=action.to_json(),
        initialized={"phase": "INITIALIZE", "from_state": NOT_STARTED, "to_state": COMPLETED},
    )


def phase_table(workflow: Workflow) -> dict[str, Any]:
    """The workflow as it is now, kept with the migration: what a later version and the SQL views read."""
    return {
        "name": workflow.name,
        "phases": [{"name": phase.name, "title": phase.title, "begun": phase.begun} for phase in workflow.phases],
    }


def capabilities_json(capabilities: Capabilities) -> dict[str, Any]:
    return {name: getattr(capabilities, name) for name in capabilities.__dataclass_fields__}


def _described(endpoint: Endpoint, capabilities: Capabilities) -> dict[str, Any]:
    return {**endpoint.public(), "version": capabilities.version}


def _same_database(source: Endpoint, target: Endpoint) -> list[Check]:
    same = (source.host, source.port, source.database) == (target.host, target.port, target.database)
    if not same:
        return []
    return [Check("different_databases", "error", "Source and target are the same database; name another target.")]


def _same_source(assessment: PriorAssessment, config: Config) -> list[Check]:
    """Whether the assessment seems to be about this source; a copy may well have another name."""
    summary = assessment.report["SchemaSummary"]
    database, schemas = summary.get("DbName"), set(summary.get("SchemaNames") or ())
    findings = []
    if database and database != config.source.database:
        findings.append(f"is about database {visible(database)}, the source is {visible(config.source.database)}")
    if schemas and config.source.schemas and not schemas & set(config.source.schemas):
        findings.append("is about none of the schemas that are migrated")
    found = f"The assessment in {assessment.directory} {' and '.join(findings)}; make sure that it is the right one."
    return [Check("assessment_of_source", "warning", found)] if findings else []


def _room_for(export_dir: ExportDir, source: Capabilities) -> list[Check]:
    """Whether export-dir can be written and holds what the source's tables take."""
    place = export_dir.path
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK):
        return [
            Check("export_dir_writable", "error", f"{place} cannot be written; choose another --export-dir.", "", 10)
        ]
    needed = int(source.facts.get("database_bytes", 0) * SPACE_FACTOR)
    statistics = os.statvfs(place)
    free = statistics.f_bavail * statistics.f_frsize
    finding = f"export-dir {export_dir.path}: {free:,} bytes free, about {needed:,} needed for the data"
    return [Check("export_dir_space", "ok" if free > needed else "error", finding, "", 10)]
