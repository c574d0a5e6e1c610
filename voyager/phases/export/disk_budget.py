"""DiskBudget: how much of the disk an export's data files may take, and waiting where an import makes room."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from voyager.errors import DatabaseAway, LimitTooLow, OutOfSpace
from voyager.phases.job import Job
from voyager.phases.load.chunk_feed import STEP
from voyager.phases.sizes import readable_size
from voyager.ports import ChunkRange

# COPY text is rarely smaller than this part of the table's size on the server.
SMALLEST_SHARE = {"none": 0.6, "zstd": 0.1}
USUAL_SHARE = {"none": 1.0, "zstd": 0.5}
RESERVE = 64 << 20
"""What is left free of a disk that others write to, where waiting helps; less of a small one."""
_ALLOW_MORE = "Allow more (--max-disk 0 is no limit)"
LOOK_BYTES = 1 << 20
"""How often others' use of the disk is looked at while a part stays within what was reserved."""
LOOK_EVERY = 0.3
ASK_EVERY = 2.0
SAY_EVERY = 60.0


@dataclass
class Reserved:
    """What one part that is being written may come to."""

    name: str
    expected: int
    written: int = 0
    looked_at: int = 0

    @property
    def size(self) -> int:
        return max(self.expected, self.written)


class DiskBudget:
    """The limit of one run of an export: --max-disk, and what the disk has.

    Where an import may run beside the export, reaching the limit means to wait until it has removed files that it
    loaded (--discard-loaded). Where none does, or none can, it ends the export with what is finished kept; after
    `patience` seconds, for an import may be about to start.
    """

    def __init__(self, job: Job, *, most: int | None, patience: float, compression: str) -> None:
        self._job = job
        self._data = job.export_dir.data
        self._most = most
        self._patience = patience
        self._smallest, self._usual = SMALLEST_SHARE[compression], USUAL_SHARE[compression]
        self._shared = bool(job.beside)
        self._writing: dict[str, Reserved] = {}
        self._holding = 0
        self._settled = 0
        self._importer = _Importer(job)
        self._told_at = float("-inf")

    def check(self, left: Sequence[ChunkRange]) -> None:
        """Before the first row is read: raise OutOfSpace when what is left cannot fit and nobody will make room."""
        wanted = int(sum(part.bytes_estimated for part in left) * self._smallest)
        self._look()
        self._check_largest(left)
        free = self._job.export_dir.free_bytes()
        if self._most is not None and wanted > (allowed := max(0, self._most - self._settled)):
            self._tight(wanted, f"--max-disk leaves {readable_size(allowed)}", _ALLOW_MORE)
        elif wanted > free and not self._job.options.skip_disk_check:
            self._tight(wanted, f"{self._data} has {readable_size(free)} left", "Make room")

    def check_limit(self, parts: Sequence[ChunkRange]) -> None:
        """Before anything is begun or removed: raise LimitTooLow when all parts from the first on cannot be written
        within --max-disk, and nobody will make room."""
        wanted = int(sum(part.bytes_estimated for part in parts) * self._smallest)
        self._check_largest(parts)
        if self._most is not None and wanted > self._most and not self._shared:
            self._tight(wanted, f"--max-disk leaves {readable_size(self._most)}", _ALLOW_MORE)

    def _check_largest(self, parts: Sequence[ChunkRange]) -> None:
        largest = int(max((part.bytes_estimated for part in parts), default=0) * self._smallest)
        if self._most is not None and largest > self._most:
            raise LimitTooLow(
                f"--max-disk is {readable_size(self._most)}; one part alone needs about {readable_size(largest)}.",
                f"{_ALLOW_MORE}, or cut the tables into smaller parts: --chunk-size, with --start-clean.",
            )

    async def reserve(self, name: str, part: ChunkRange) -> Reserved:
        """Wait until the part has room; `name` is that of its file. release() gives it back."""
        wanted = int(part.bytes_estimated * self._usual)
        await self._until_there_is_room(wanted)
        self._writing[name] = Reserved(name, wanted)
        return self._writing[name]

    async def grows(self, reserved: Reserved, written: int) -> None:
        """More of the part is about to be written, so much in all: wait where there is no room for that."""
        reserved.written = written
        if written <= reserved.expected and written - reserved.looked_at < LOOK_BYTES:
            return
        reserved.looked_at = written
        self._holding += 1
        try:
            await self._until_there_is_room(0)
        finally:
            self._holding -= 1

    def release(self, reserved: Reserved) -> None:
        """The part is finished, or was given up."""
        self._writing.pop(reserved.name, None)
        self._settled += reserved.written

    async def _until_there_is_room(self, wanted: int) -> None:
        alone_since: float | None = None
        while (lacking := self._lacking(wanted)) is not None:
            self._job.checkpoint()
            self._look()
            if not self._settled and not self._writing:
                # Larger than was thought, and nothing else is there. Its growth is watched.
                return
            if len(self._writing) > self._holding:
                # Another part gets on. What it comes to may be less than was reserved; what is finished can be loaded.
                alone_since = None
            elif not self._settled:
                raise OutOfSpace(
                    f"{lacking} The parts that are being read at the same time take all of it.",
                    "Allow more, or read fewer at a time: --parallel-jobs. Finished parts are kept.",
                )
            elif not self._shared:
                raise self._nobody(lacking)
            else:
                self._tell(lacking)
                made = await asyncio.to_thread(self._importer.makes_room, self._settled)
                # Who is paused waits for nobody, and an import that is paused with it makes no room.
                waits = made or self._job.steering().pause is not None
                alone_since = None if waits else alone_since or time.monotonic()
                if alone_since is not None and time.monotonic() - alone_since > self._patience:
                    raise self._nobody(lacking)
            await asyncio.sleep(LOOK_EVERY)

    def _lacking(self, wanted: int) -> str | None:
        """What there is too little of, in words; None when there is room."""
        if self._most is not None and self._taken() + wanted > self._most:
            self._look()
            if self._taken() + wanted > self._most:
                return f"The data files have reached --max-disk {readable_size(self._most)}."
        if self._shared:
            coming = wanted + sum(max(0, one.expected - one.written) for one in self._writing.values())
            free = self._job.export_dir.free_bytes()
            if free < coming + min(RESERVE, self._job.export_dir.total_bytes() // 8):
                return f"{self._data} has {readable_size(free)} left."
        return None

    def _taken(self) -> int:
        return self._settled + sum(one.size for one in self._writing.values())

    def _look(self) -> None:
        """What the finished files take now; in between it is known to be no more, for an import only removes them."""
        self._settled = sum(size for name, size in _sizes(self._data).items() if name not in self._writing)

    def _tight(self, wanted: int, left: str, remedy: str) -> None:
        needs = f"{left}; the rest of the export needs at least {readable_size(wanted)}."
        if self._shared:
            self._job.warn(
                f"{needs} Whenever that is used up it waits until an import has made room: run beside it "
                "yb-voyager migrate import data --discard-loaded."
            )
            return
        if remedy == _ALLOW_MORE:
            raise LimitTooLow(needs, f"{remedy}, or use --compression zstd. Finished parts are kept.")
        anyway = "--skip-disk-check tries it all the same."
        raise OutOfSpace(needs, f"{remedy}, use --compression zstd, or another disk. {anyway}")

    def _nobody(self, lacking: str) -> OutOfSpace:
        again = "then the same command again: finished parts are kept."
        return OutOfSpace(
            f"{lacking} Finished data files take {readable_size(self._settled)}, and no import makes room."
            f"{self._importer.why}",
            f"Run beside it: yb-voyager migrate import data --discard-loaded, or allow more; {again}"
            if self._shared
            else f"Allow more, {again}",
        )

    def _tell(self, lacking: str) -> None:
        now = time.monotonic()
        if now - self._told_at > SAY_EVERY:
            self._told_at = now
            self._job.warn(f"{lacking} Waiting for import data --discard-loaded to make room.")


class _Importer:
    """Whether an import makes room: it removes what it loaded, and has something to load. `why` it does not."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._asked_at = float("-inf")
        self._answer = False
        self._settled = 0
        self.why = ""

    def makes_room(self, settled: int) -> bool:
        """`settled` is what finished files take now: less than before is room that was made."""
        before, self._settled = self._settled, settled
        if settled < before:
            return True
        if time.monotonic() - self._asked_at >= ASK_EVERY:
            with contextlib.suppress(DatabaseAway):
                self._answer = self._ask()
            self._asked_at = time.monotonic()
        return self._answer

    def _ask(self) -> bool:
        record = self._job.store.migrations.read(self._job.record.migration_uuid)
        for name in self._job.beside:
            lease = record.leases.get(name)
            told = record.settings.get("options", {}).get(name, {})
            waits = any(one.table == STEP and one.status == "WAITING" for one in record.tables if one.phase == name)
            if lease is None or not lease.live:
                self.why = " Nobody runs it."
            elif not told.get("discard_loaded"):
                self.why = " It runs without --discard-loaded."
            elif waits:
                self.why = " It waits, too: what is left it could not load, or had to keep."
            else:
                return True
        return False


def _sizes(data: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    with contextlib.suppress(FileNotFoundError), os.scandir(data) as entries:
        for entry in entries:
            if entry.name.endswith("_data.sql"):
                with contextlib.suppress(FileNotFoundError):
                    found[entry.name] = entry.stat().st_size
    return found
