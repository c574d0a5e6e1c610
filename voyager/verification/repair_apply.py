"""Run repair files on the target: bounded transactions, each under the lease; what is refused is left and named."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.errors import NotAllowed, UsageError, disk_error
from voyager.identifiers import TableName
from voyager.postgres.connection import DriverError, connection_lost, primary_message, translate
from voyager.verification.repair_files import LIST, ORDER, SETTINGS, RepairFile, verb_of
from voyager.working_directory import write_atomic

STATEMENTS_PER_TRANSACTION = 500
BYTES_PER_TRANSACTION = 8 << 20
AGAIN = "Run: yb-voyager migrate verify. It writes repair files anew."

_FEWEST = {"DELETE": 0, "UPDATE": 1, "INSERT": 0}
"""Rows that a statement must touch: what is gone or there already needs nothing, what was to change must be there."""


@dataclass(frozen=True)
class RepairList:
    """What a verification left in reports/repair: its files in the order of their foreign keys, and where from."""

    directory: Path
    files: tuple[RepairFile, ...]
    at: str
    counters: Any
    replication_role: bool
    applied_at: str | None

    @classmethod
    def load(cls, directory: Path) -> RepairList:
        """Raises UsageError when no verification left anything to repair."""
        try:
            body = json.loads((directory / LIST).read_bytes())
        except FileNotFoundError:
            raise UsageError(
                "There is no repair to apply: the last verification found no rows that differ, or there was none.",
                AGAIN,
            ) from None
        except OSError as error:
            raise disk_error(error, directory / LIST) from error
        files = tuple(RepairFile.from_json(one) for one in body["files"])
        return cls(directory, files, body["at"], body["counters"], body["replication_role"], body["applied_at"])

    def check(self) -> None:
        """Raise when the files were applied before, or are not what the verification wrote."""
        if self.applied_at:
            raise NotAllowed(f"The repair files were applied at {self.applied_at} already.", AGAIN)
        changed = [one.name for one in self.files if _digest(self.directory / one.name) != one.sha256]
        if changed:
            raise NotAllowed(
                f"Repair files were changed or removed since they were written: {', '.join(changed)}.",
                "Run them yourself, then verify; or verify first, which writes them anew.",
            )

    def mark_applied(self, at: str) -> None:
        """From here on these files are not applied again: some of their rows may be in."""
        path = self.directory / LIST
        body = {**json.loads(path.read_bytes()), "applied_at": at}
        write_atomic(path, json.dumps(body, indent=1).encode())


@dataclass
class TableRepair:
    """What applying one file came to: rows by what was done, and why it was stopped, if it was."""

    table: TableName
    rows: Counter[str] = field(default_factory=Counter)
    not_repaired: int = 0
    failed: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": self.table.schema,
            "table": self.table.name,
            "deleted": self.rows["DELETE"],
            "updated": self.rows["UPDATE"],
            "inserted": self.rows["INSERT"],
            "not_repaired": self.not_repaired,
            "failed": self.failed,
        }


class _Refused(Exception):
    """A statement did not do what it was written for."""


@dataclass
class Applier:
    """One connection that runs repair files. `hold_lease` is the last call of every transaction and may raise."""

    connection: Any
    hold_lease: Callable[[Any], None]
    checkpoint: Callable[[], None]

    def apply(self, repair: RepairList) -> list[TableRepair]:
        """Delete, then change, then insert, in the order that foreign keys ask for; tables in the list's order."""
        done = {one.table: TableRepair(one.table, not_repaired=one.not_repaired) for one in repair.files}
        self._settle(replication_role=repair.replication_role)
        for verb in ORDER:
            files = reversed(repair.files) if verb == "DELETE" else iter(repair.files)
            for one in files:
                if one.statements.get(verb):
                    self._file(repair.directory / one.name, verb, done[one.table])
        return list(done.values())

    def _settle(self, *, replication_role: bool) -> None:
        settings: Mapping[str, str] = {
            **SETTINGS,
            **({"session_replication_role": "replica"} if replication_role else {}),
        }
        for name, value in settings.items():
            self.connection.execute(f"SET {name} = {value}")

    def _file(self, path: Path, verb: str, done: TableRepair) -> None:
        for batch in _batches(_statements(path, verb)):
            self.checkpoint()
            if done.failed:
                return
            try:
                done.rows[verb] += self._transaction(batch, verb)
            except _Refused as error:
                done.failed = str(error)
            except DriverError as error:
                if connection_lost(error):
                    raise translate(error, f"repair table {done.table}") from error
                done.failed = primary_message(error)

    def _transaction(self, batch: list[bytes], verb: str) -> int:
        rows = 0
        with self.connection.transaction():
            for statement in batch:
                touched = self.connection.execute(statement, prepare=False).rowcount
                most = 1 if not statement.startswith(b"WITH ") else touched
                if not _FEWEST[verb] <= touched <= most:
                    raise _Refused(f"a statement ({verb}) that was made for one row met {touched}")
                rows += touched
            self.hold_lease(self.connection)
        return rows


def same_counters(saved: Any, now: Mapping[TableName, Any] | None, tables: Iterable[TableName]) -> bool:
    """Whether the source is known not to have written `tables` since the verification whose counters were saved."""
    if saved is None or now is None:
        return False
    then = {(one["schema"], one["table"]): (one["writes"], one["identity"]) for one in saved}
    return all(
        table in now and then.get((table.schema, table.name)) == (now[table].writes, now[table].identity)
        for table in tables
    )


def _statements(path: Path, verb: str) -> Iterator[bytes]:
    try:
        with path.open("rb") as lines:
            for line in lines:
                if line.startswith((b"DELETE ", b"UPDATE ", b"INSERT ", b"WITH surplus ")):
                    found = verb_of(line[:40].decode("utf-8", "replace"))
                    if found == verb:
                        yield line.rstrip(b"\n")
    except OSError as error:
        raise disk_error(error, path) from error


def _batches(statements: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for statement in statements:
        if batch and (len(batch) >= STATEMENTS_PER_TRANSACTION or size + len(statement) > BYTES_PER_TRANSACTION):
            yield batch
            batch, size = [], 0
        batch.append(statement)
        size += len(statement)
    if batch:
        yield batch


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise disk_error(error, path) from error
    return digest.hexdigest()
