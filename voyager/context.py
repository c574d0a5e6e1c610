"""Context: one migration opened for work: its record, its two ends, its export-dir, and the facts about it."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from statemachine.definition import Configuration, Facts, Workflow
from statemachine.machine import Statechart, restore
from statemachine.workflows import WORKFLOWS
from voyager import status
from voyager.endpoint import Endpoint
from voyager.errors import DatabaseAway, PermissionMissing, UsageError
from voyager.export_dir import ExportDir
from voyager.ports import Source
from voyager.sources import NoSource, open_source
from voyager.store.record import MigrationRecord
from voyager.store.state import StateStore
from voyager.verification import source_since
from voyager.verification.gate import Limits, declared_at
from voyager.verification.source_since import SourceSince

if TYPE_CHECKING:
    from voyager.config import Config
    from voyager.target.target import Target


@dataclass
class Context:
    """One migration opened for work. `find_source` gives the source's endpoint when it is needed; `limits` are those
    that a verification must keep before a cutover."""

    store: StateStore
    record: MigrationRecord
    target_endpoint: Endpoint
    find_source: Callable[[], Endpoint]
    lease_seconds: float = 30.0
    given_export_dir: Path | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def workflow(self) -> Workflow:
        return WORKFLOWS[self.record.workflow]

    @property
    def configuration(self) -> Configuration:
        """The states of all phases, of a migration saved by an older version too."""
        saved = {name: phase.state for name, phase in self.record.phases.items()}
        return restore(self.workflow, saved, saved_by=self.record.voyager_version)

    @property
    def chart(self) -> Statechart:
        return Statechart(self.workflow, self.configuration)

    @cached_property
    def source(self) -> Source:
        """The source; it connects when first asked something. A migration of files has none to ask."""
        return open_source(self.find_source()) if self.workflow.reads_source else NoSource()

    @cached_property
    def target(self) -> Target:
        from voyager.target.target import Target

        return Target(self.target_endpoint, outage_budget=self.store.outage_budget)

    @cached_property
    def export_dir(self) -> ExportDir:
        return ExportDir(Path(self.record.export_dir))

    def settle_export_dir(self, *, lost: bool = False) -> None:
        """Go on in the export-dir that this command names, where it was moved or copied to, and remember it.

        Raises UsageError when that is not this migration's, or when there is none on this machine; with `lost` an
        empty one is made then.
        """
        from voyager.store.cache import RECORD, read_cache

        known, given = Path(self.record.export_dir), self.given_export_dir
        if given is not None and given.resolve() != known.resolve():
            found = read_cache(given / RECORD)
            if found is None or found.migration_uuid != self.record.migration_uuid:
                raise UsageError(
                    f"{given} is not the export directory of migration {self.record.name}, which is {known}.",
                    "Move or copy that one whole, with its .voyager folder, and name it with --export-dir; or leave "
                    "--export-dir out.",
                )
            self.store.migrations.move_export_dir(self.record.migration_uuid, str(given), actor=actor())
            self.refresh()
            self.__dict__.pop("export_dir", None)
        elif not self.export_dir.private.is_dir():
            if lost:
                self.export_dir.create()
                return
            raise UsageError(
                f"The export directory {known} of migration {self.record.name} is not on this machine.",
                "Name where it is now with --export-dir, or put it back. If it is lost, export anew: yb-voyager "
                "migrate export schema --start-clean.",
            )

    def remember(self) -> None:
        """Keep the record in export-dir: for the time when the target is away, and to find the target by export-dir."""
        from voyager.store.cache import RECORD, write_cache

        try:
            if self.export_dir.private.is_dir():
                write_cache(self.export_dir.path / RECORD, self.record)
        except OSError:
            # A copy for convenience: a full or read-only disk is told by the phase that needs it.
            return

    def refresh(self, *, tables: bool = True) -> MigrationRecord:
        """Read the record anew; without `tables`, their standing stays as it was read before."""
        migrations = self.store.migrations
        self.record = migrations.read(self.record.migration_uuid) if tables else migrations.read_again(self.record)
        return self.record

    def observe_facts(
        self, *, overrides: frozenset[str] = frozenset(), ask_source: bool = True, deciding: bool = False
    ) -> Facts:
        """What is true now: live leases, and the conditions that hold.

        The ends are asked only where the answer matters: VERIFY has recorded what it read and CUTOVER is not done.
        Only when `deciding` is it waited for, some seconds, until its sessions have reported all their writes, and does
        a source that cannot be asked count as changed; who only looks is told what is known.
        """
        asks = ask_source and self._cutover_is_near()
        since, written = self._since_verified(deciding=deciding) if asks else (SourceSince(None), ())
        if since.unchanged is None and not deciding:
            since = SourceSince(True)
        facts = status.facts(self.record, source=since, limits=self.limits, target_written=written)
        return replace(facts, holds=facts.holds | overrides)

    def close(self) -> None:
        if "source" in self.__dict__:
            self.source.close()
        self.store.close()

    def _cutover_is_near(self) -> bool:
        verify = self.record.phases.get("VERIFY")
        cutover = self.record.phases.get("CUTOVER")
        return bool(verify and verify.state == "COMPLETED" and cutover and cutover.state != "COMPLETED")

    def _verified(self, key: str) -> list[Mapping[str, Any]] | None:
        """The write counters of one end that VERIFY wrote down, None where it could not tell."""
        found: list[Mapping[str, Any]] | None = self.record.phases["VERIFY"].summary.get(key)
        return found

    def _tables_made_since_export(self) -> bool:
        """Whether the source has tables that the export knew nothing of, whose rows no counter of ours counts."""
        from voyager.phases.table_list import choose

        exported = self.record.phases["EXPORT_DATA"].summary
        if "copied" not in exported:
            return False
        known = {*exported["copied"], *(one["name"] for one in exported["skipped"])}
        return any(str(table.name) not in known for table in choose(self.source.read_catalog(), (), ()).tables)

    def _since_verified(self, *, deciding: bool) -> tuple[SourceSince, Sequence[str]]:
        """Whether the source was written, and which tables of the target. Both ends are asked side by side: each may
        have to be waited for."""
        target, threads = self.target, ThreadPoolExecutor(max_workers=1)
        try:
            written = threads.submit(self._target_written, target, settled=deciding)
            counted = self._verified("counters") is not None
            since = self._source_since(deciding=deciding) if counted else SourceSince(None)
            return since, written.result()
        finally:
            threads.shutdown(wait=False)

    def _source_since(self, *, deciding: bool) -> SourceSince:
        recorded = self._verified("counters") or []
        moment = declared_at(self.record.phases["VERIFY"]) if deciding else None
        try:
            since = source_since.look(self.source, recorded, since=moment)
            if deciding and self._tables_made_since_export():
                return SourceSince(False)
        except (DatabaseAway, PermissionMissing, UsageError):
            return SourceSince(None)
        return since

    def _target_written(self, target: Target, *, settled: bool) -> Sequence[str]:
        """The tables of the target that were written since they were verified; none where nobody can tell."""
        recorded = self._verified("target_counters") or []
        if not recorded:
            return ()
        try:
            counters = target.write_counters(source_since.names(recorded), settled=settled)
        except (DatabaseAway, PermissionMissing, UsageError):
            return ()
        return [str(name) for name in source_since.changed(recorded, counters)] if counters is not None else ()


def open_context(config: Config, *, outage_budget: float = 0.0) -> Context:
    """Find the migration that `config` means and open it.

    With one active migration in the target neither name nor uuid is needed. Raises UsageError when none or
    several match, DatabaseAway or PermissionMissing when the target cannot be asked.
    """
    endpoint, limits = config.target, verify_limits(config)
    store = StateStore.connect(endpoint, outage_budget=outage_budget)
    try:
        found = find_migration(store, name=config.migration_name, uuid=config.migration_uuid)
        record = store.migrations.read(found)
    except BaseException:
        store.close()
        raise
    return Context(
        store=store,
        record=record,
        # The address says what the server was found to be.
        target_endpoint=replace(endpoint, engine=record.target["engine"]),
        find_source=lambda: source_endpoint(config, record),
        lease_seconds=config.lease_seconds,
        given_export_dir=config.export_dir,
        limits=limits,
    )


def verify_limits(config: Config) -> Limits:
    """What the configuration asks of a verification before a cutover. Raises UsageError for what makes no sense."""
    hours, percent = config.get("verify_max_age"), config.get("verify_min_coverage", 100.0)
    if hours is not None and not hours > 0:
        raise UsageError(f"--verify-max-age is {hours:g}.", "Give hours above 0, or leave it out to accept any age.")
    if not 0 < percent <= 100:
        raise UsageError(f"--verify-min-coverage is {percent:g}.", "Give percent, above 0 and up to 100.")
    return Limits(hours, percent)


def source_endpoint(config: Config, record: MigrationRecord) -> Endpoint:
    """The source of a migration: as it was registered, with what this command says instead."""
    found = config.endpoint("source", saved=record.source)
    assert found is not None
    return found


def find_migration(store: StateStore, *, name: str | None, uuid: UUID | None) -> UUID:
    """Return the uuid of the one migration meant; ended ones are found by uuid, or by a name no active one has."""
    where = f"in the target database {store.endpoint.database}"
    if not store.ddl.installed():
        raise UsageError(
            f"There is no migration {where}: it has no ybvoyager schema.",
            "Start one with: yb-voyager migrate init, or name the right database with --target-db-name.",
        )
    rows = store.migrations.find(name=name, uuid=uuid, active_only=True)
    if not rows:
        rows = store.migrations.find(name=name, uuid=uuid, active_only=False)
        if not name and not uuid:
            rows = rows[:1]
    if len(rows) == 1 or (rows and name and not uuid):
        return rows[0].migration_uuid
    if rows:
        raise UsageError(
            f"{len(rows)} active migrations are {where}; say which one.",
            "Add --migration-name with one of: " + ", ".join(sorted(row.name for row in rows)) + ".",
        )
    asked = f"called {name!r}" if name else f"with uuid {uuid}" if uuid else "at all"
    raise UsageError(
        f"There is no migration {asked} {where}.",
        "Start one with: yb-voyager migrate init. `yb-voyager migrate status` without a name shows what is there.",
    )


def actor() -> str:
    """Who acts, for events and leases: user@host pid."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} {os.getpid()}"
