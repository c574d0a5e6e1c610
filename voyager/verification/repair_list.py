"""What a verification left in reports/repair to be applied, and whether it may still be."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voyager.errors import NotAllowed, UsageError, disk_error
from voyager.identifiers import TableName
from voyager.verification.repair_files import LIST, RepairFile
from voyager.verification.source_since import changed
from voyager.working_directory import write_atomic

AGAIN = "Run: yb-voyager migrate verify. It writes repair files anew."


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


def same_counters(saved: Any, now: Mapping[TableName, Any] | None, tables: Iterable[TableName]) -> bool:
    """Whether the source is known not to have written `tables` since the verification whose counters were saved."""
    wanted = set(tables)
    recorded = [one for one in saved or () if TableName(one["schema"], one["table"]) in wanted]
    return now is not None and len(recorded) == len(wanted) and not changed(recorded, now)


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
