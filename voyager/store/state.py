"""StateStore: the ybvoyager schema of one target database, by nouns."""

from __future__ import annotations

from types import TracebackType

from voyager.endpoint import Endpoint
from voyager.store.batches import Batches
from voyager.store.controls import Controls
from voyager.store.ddl import Ddl
from voyager.store.events import Events
from voyager.store.files import LoadedFiles
from voyager.store.leases import Leases
from voyager.store.migrations import LostSwap, Migrations
from voyager.store.progress import ProgressRows
from voyager.store.quarantine import Quarantine
from voyager.store.record import NewMigration
from voyager.store.reports import Reports
from voyager.store.session import Session, StateMissing
from voyager.store.statements import StatementEntry, Statements
from voyager.store.verification import Verification

__all__ = ["LostSwap", "NewMigration", "StateMissing", "StateStore", "StatementEntry"]


class StateStore:
    """What the target knows about its migrations. Every operation is one short transaction.

    An operation that collides is repeated; one that finds the target away is repeated for `outage_budget` seconds,
    then raises DatabaseAway. Safe to share between threads.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.endpoint = session.endpoint
        self.outage_budget = session.outage_budget
        self.ddl = Ddl(session)
        self.migrations = Migrations(session)
        self.leases = Leases(session)
        self.progress = ProgressRows(session)
        self.events = Events(session)
        self.reports = Reports(session)
        self.statements = Statements(session)
        self.batches = Batches(session)
        self.files = LoadedFiles(session)
        self.quarantine = Quarantine(session)
        self.controls = Controls(session)
        self.verification = Verification(session)

    @classmethod
    def connect(cls, endpoint: Endpoint, outage_budget: float = 0.0) -> StateStore:
        """Return the store of a target; the first operation connects."""
        return cls(Session(endpoint, outage_budget))

    def close(self) -> None:
        self._session.close()

    def __enter__(self) -> StateStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
