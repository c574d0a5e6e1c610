"""Registers a migration of files: its first `migrate import file` does it, for there is no source to look at before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

from statemachine.definition import COMPLETED, NOT_STARTED, Facts
from statemachine.guidance import next_action
from statemachine.machine import initial
from statemachine.workflows import FILE
from voyager import __version__
from voyager.context import actor
from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.export_dir import ExportDir
from voyager.files.storage import join, scheme_of
from voyager.guardrails import stop_at_errors
from voyager.phases import import_file
from voyager.registration import capabilities_json, phase_table, refuse_second
from voyager.runner import Result, Run
from voyager.store.state import NewMigration, StateStore
from voyager.target.target import Target

if TYPE_CHECKING:
    from voyager.config import Config

NAME = "import-file"
"""Of a migration of files that nobody gave a name."""


def find_or_register(config: Config, options: import_file.Options, run: Run) -> UUID | Result:
    """The migration of files that is meant; a new one where there is none. In a dry run, what would be done then.

    Files, tables and options are judged before anything is written. Raises UsageError for what is not there, or for a
    migration of another workflow.
    """
    with StateStore.connect(config.target) as store:
        found = _find(store, config)
        if found is not None:
            return found
        target = Target(config.target)
        checks = tuple(target.preflight("INITIALIZE", schemas=config.target.schemas, allow_non_empty=True))
        plan = import_file.check(target, options, config.target.schemas)
        name = config.migration_name or NAME
        export_dir = ExportDir(Path(config.export_dir or name).expanduser().absolute())
        if run.dry_run:
            begin = (f"create the ybvoyager schema in {config.target.url}", f"register migration {name}")
            return Result("IMPORT_FILE", checks=checks, plan=(*begin, *plan))
        stop_at_errors(checks, FILE.phase("IMPORT_FILE").title)
        refuse_second(store, name, export_dir)
        export_dir.create()
        store.ddl.install(together=target.probe().transactional_ddl)
        return store.migrations.register(_new(name, export_dir, options, target)).migration_uuid


def _find(store: StateStore, config: Config) -> UUID | None:
    if not store.ddl.installed():
        return None
    rows = store.migrations.find(name=config.migration_name, uuid=config.migration_uuid, active_only=True)
    named = config.migration_name or config.migration_uuid
    if named and rows and rows[0].workflow != FILE.name:
        raise UsageError(
            f"Migration {rows[0].name} is of the {rows[0].workflow} workflow and copies a source database.",
            "Files are imported by a migration of their own: give another --migration-name, or none.",
        )
    of_files = [row for row in rows if row.workflow == FILE.name]
    if len(of_files) > 1:
        raise UsageError(
            f"{len(of_files)} active imports of files are in the target database; say which one.",
            "Add --migration-name with one of: " + ", ".join(sorted(row.name for row in of_files)) + ".",
        )
    if config.migration_uuid and not of_files:
        raise UsageError(
            f"There is no active migration with uuid {config.migration_uuid} in the target.",
            "Leave --migration-uuid out to begin a new one.",
        )
    return of_files[0].migration_uuid if of_files else None


def _new(name: str, export_dir: ExportDir, options: import_file.Options, target: Target) -> NewMigration:
    configuration = {**initial(FILE), "INITIALIZE": COMPLETED}
    action, capabilities = next_action(FILE, configuration, Facts()).to_json(), target.capabilities
    endpoint = replace(target.endpoint, engine="yugabytedb" if capabilities.release else "postgresql")
    return NewMigration(
        migration_uuid=uuid4(),
        name=name,
        workflow=FILE.name,
        source=_described(options),
        target={**endpoint.public(), "version": capabilities.version},
        export_dir=str(export_dir.path),
        voyager_version=__version__,
        settings={},
        phase_table=phase_table(FILE),
        capabilities={"target": capabilities_json(capabilities)},
        phases=configuration,
        actor=actor(),
        next_if_idle=action,
        next_if_running=action,
        initialized={"phase": "INITIALIZE", "from_state": NOT_STARTED, "to_state": COMPLETED},
    )


def _described(options: import_file.Options) -> dict[str, Any]:
    """Where the files are, as an end of the migration: `s3://bucket/orders`, `file:///data`."""
    place = join(options.data_dir, "")
    scheme = scheme_of(place)
    host, _, path = place.removeprefix(f"{scheme}://").partition("/") if scheme else ("", "/", place.strip("/"))
    return Endpoint(scheme or "file", host, 0, path.rstrip("/"), "").public()
