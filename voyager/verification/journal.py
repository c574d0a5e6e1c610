"""Where compared chunks are kept, so that a verification that was cut off goes on instead of beginning again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from voyager.store.record import VerificationChunk

if TYPE_CHECKING:
    from voyager.store.verification import Verification


class Journal(Protocol):
    """The chunks of one run; a later result of a chunk replaces an earlier one."""

    def load(self) -> Iterable[VerificationChunk]: ...

    def put(self, chunks: list[VerificationChunk]) -> None: ...


class StoreJournal:
    """One run in the target's ybvoyager schema: the one that was cut off, else a new one."""

    def __init__(
        self, verification: Verification, migration_uuid: UUID, *, point: Mapping[str, Any], actor: str
    ) -> None:
        self._verification = verification
        self._migration_uuid = migration_uuid
        found = verification.resume(migration_uuid)
        self.run = found or verification.start(migration_uuid, point=point, actor=actor)

    def load(self) -> list[VerificationChunk]:
        return self._verification.load(self.run.run_id)

    def put(self, chunks: list[VerificationChunk]) -> None:
        self._verification.put(self._migration_uuid, self.run.run_id, chunks)
