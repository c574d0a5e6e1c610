"""Jobs for the data phases without runner and CLI: a real source, a real target with the state schema, a real lease."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import types
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import voyager.phases.ddl
from tests import drive
from voyager.endpoint import Endpoint
from voyager.errors import LeaseLost, LockedByOther
from voyager.export_dir import ExportDir
from voyager.phases import export_data, import_data
from voyager.phases.job import Job, Outcome
from voyager.ports import Capabilities
from voyager.postgres.capabilities import probe
from voyager.postgres.connection import connect
from voyager.progress import Pacing, TableProgress
from voyager.sources.postgresql.source import PostgresSource
from voyager.store.record import NewMigration
from voyager.store.state import StateStore


@dataclass
class PlainTarget:
    """What the data path asks of a target."""

    endpoint: Endpoint
    capabilities: Capabilities

    def connect(self, purpose: str) -> Any:
        return connect(self.endpoint, purpose)


@dataclass
class DataPath:
    """One migration's data phases; every run gets a lease of its own, as the runner does it."""

    source: Endpoint
    target: Endpoint
    directory: Path
    lease_seconds: float = 30.0
    warnings: list[str] = field(default_factory=list)
    progress: dict[str, TableProgress] = field(default_factory=dict)
    paces: list[Pacing] = field(default_factory=list)
    checkpoint: Callable[[], None] = lambda: None
    record: Any = None

    def __post_init__(self) -> None:
        self.store = StateStore.connect(self.target)
        self.store.ddl.install()
        self.export_dir = ExportDir(self.directory)
        self.export_dir.create()
        if isinstance(self.record, UUID):
            self.record = self.store.migrations.read(self.record)
        else:
            self.record = self._register()
        with connect(self.target, "test") as connection:
            self.capabilities = probe(connection)

    def _register(self) -> Any:
        phases = dict.fromkeys(("EXPORT_DATA", "IMPORT_DATA"), "NOT_STARTED")
        return self.store.migrations.register(
            NewMigration(
                migration_uuid=uuid4(),
                name=f"m-{uuid4().hex[:8]}",
                workflow="offline",
                source=self.source.public(),
                target=self.target.public(),
                export_dir=str(self.directory),
                voyager_version="test",
                phase_table={},
                phases=phases,
                actor="tester",
            )
        )

    def start(self, phase: str, **options: Any) -> subprocess.Popen[str]:
        """Start "export" or "load" in a process of its own."""
        told = {
            "source": self.source.public(),
            "target": self.target.public(),
            "source_password": self.source.password,
            "target_password": self.target.password,
            "directory": str(self.directory),
            "uuid": str(self.record.migration_uuid),
            "lease_seconds": self.lease_seconds,
            "phase": phase,
            "options": options,
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.data_path", json.dumps(told)],
            cwd=drive.ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )

    def job(self, phase: str, options: Any) -> Job:
        uuid = self.record.migration_uuid
        lease = self.store.leases.acquire(uuid, phase, owner="tester", host="here", pid=1, seconds=self.lease_seconds)

        def report(progress: TableProgress) -> None:
            self.progress[f"{progress.schema}.{progress.table}"] = progress

        return Job(
            record=self.record,
            phase=None,  # type: ignore[arg-type]
            options=options,
            source=PostgresSource(self.source),
            target=PlainTarget(self.target, self.capabilities),  # type: ignore[arg-type]
            store=self.store,
            lease=lease,
            export_dir=self.export_dir,
            report=report,
            warn=self.warnings.append,
            checkpoint=lambda: self.checkpoint(),
            tell_pace=self.paces.append,
        )

    def run(self, phase: str, module: Any, options: Any) -> Outcome:
        module.check_options(options)
        job = self.job(phase, options)
        try:
            return module.run(job)
        finally:
            job.source.close()
            self.store.leases.release(job.lease)

    def export(self, *, outage_budget: float = 5.0, **options: Any) -> Outcome:
        self.store.outage_budget = outage_budget
        return self.run("EXPORT_DATA", export_data, export_data.Options(**options))

    def load(self, *, outage_budget: float = 5.0, **options: Any) -> Outcome:
        self.store.outage_budget = outage_budget
        return self.run("IMPORT_DATA", import_data, import_data.Options(**options))


def without_post_data(monkeypatch: Any) -> None:
    """Leave out what follows the rows; it has tests of its own."""
    stand_in = types.ModuleType("voyager.phases.ddl.post_data")
    stand_in.run = lambda _job: {}  # type: ignore[attr-defined]
    stand_in.undo = lambda job: None  # type: ignore[attr-defined]
    stand_in.clear_the_way = lambda job, tables: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "voyager.phases.ddl.post_data", stand_in)
    monkeypatch.setattr(voyager.phases.ddl, "post_data", stand_in, raising=False)


def _child() -> None:
    """Run one phase of a registered migration in a process of its own, so that a test can kill it."""
    told = json.loads(sys.argv[1])
    source, target = (
        Endpoint.from_public(told[side]).with_password(told[f"{side}_password"]) for side in ("source", "target")
    )
    path = DataPath(source, target, Path(told["directory"]), told["lease_seconds"], record=UUID(told["uuid"]))
    stand_in = types.ModuleType("voyager.phases.ddl.post_data")
    stand_in.run = lambda _job: {}  # type: ignore[attr-defined]
    sys.modules["voyager.phases.ddl.post_data"] = stand_in
    voyager.phases.ddl.post_data = stand_in  # type: ignore[attr-defined]
    deadline = time.monotonic() + 90
    while True:
        try:
            {"export": path.export, "load": path.load}[told["phase"]](**told["options"])
            return
        except LeaseLost:
            raise
        except LockedByOther:
            # The one that was killed before still has its lease; it expires by itself.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    _child()
