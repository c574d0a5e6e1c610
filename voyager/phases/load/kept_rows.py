"""Files of rows that a stream set aside and that no key names in the source: written before they count, read again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid4

from voyager.catalog import Table
from voyager.data_file import ChunkManifest, ChunkReader, ChunkWriter, data_name, manifest_name
from voyager.errors import DamagedFile, disk_error
from voyager.phases.job import Job
from voyager.phases.load.salvage_block import PHASE
from voyager.ports import ChunkRange
from voyager.store.record import SetAsideRow

FOLDER = "set-aside"
"""Below data/ of the export directory. A file there is of one try of one part; what no row refers to is nothing."""


class KeptRows:
    """The rows of one part while it is sent. Each try has a file of its own, so that none writes over another's."""

    def __init__(self, job: Job, chunk_id: UUID, table: Table, part: ChunkRange) -> None:
        self._job = job
        self._chunk_id, self._table, self._part = chunk_id, table, part
        self._folder = job.export_dir.data / FOLDER
        self._writer: ChunkWriter | None = None
        self.begin()

    def begin(self) -> None:
        """Begin another try. What was published stays: a COMMIT of which nothing was heard may count on it."""
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        self._id = str(uuid4())
        self._size = 0

    @property
    def file(self) -> str:
        """What it is called in the row's record."""
        return f"{FOLDER}/{data_name(self._id)}"

    def add(self, text: bytes) -> int:
        """Write one row; where it begins."""
        if self._writer is None:
            self._make_folder()
            self._writer = ChunkWriter(self._folder / data_name(self._id))
        at, self._size = self._size, self._size + len(text)
        self._writer.write(text)
        return at

    def publish(self) -> None:
        """Make it durable: the rows are about to count."""
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        writer.finish()
        manifest = ChunkManifest(
            chunk_id=self._id,
            attempt=str(self._chunk_id),
            table=self._table.name,
            ordinal=self._part.ordinal,
            predicate=self._part.predicate,
            columns=self._table.copied_columns,
            snapshot="",
            compression="none",
            rows=writer.rows,
            bytes=writer.bytes,
            length=writer.length,
            blocks=tuple(writer.blocks),
        )
        self._job.export_dir.write_atomic(self._folder / manifest_name(self._id), manifest.dump())

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self._folder) from error


class KeptReader:
    """Reads rows by their places; keeps the block that it read last."""

    def __init__(self, data: Path) -> None:
        self._folder = data / FOLDER
        self._last: tuple[str, int, bytes] = ("", 0, b"")

    def read(self, row: SetAsideRow, columns: Sequence[str]) -> bytes | None:
        """The row's COPY text; None where no file has it (any more), or not as it was written."""
        folder, _, name = row.file.partition("/")
        if row.offset is None or folder != FOLDER:
            return None
        try:
            start, block = self._block(name.removesuffix(data_name("")), row, tuple(columns))
        except DamagedFile:
            return None
        at = row.offset - start
        return block[at : block.index(b"\n", at) + 1]

    def _block(self, kept: str, row: SetAsideRow, columns: tuple[str, ...]) -> tuple[int, bytes]:
        last, start, block = self._last
        assert row.offset is not None
        if last == kept and start <= row.offset < start + len(block):
            return start, block
        manifest = ChunkManifest.load(self._folder / manifest_name(kept))
        if manifest.attempt != str(row.chunk_id) or manifest.columns != columns:
            raise DamagedFile(f"The file {row.file} is of other rows.")
        found = [one for one in manifest.blocks if one.offset <= row.offset < one.offset + one.length]
        if not found:
            raise DamagedFile(f"The file {row.file} does not reach as far as the row.")
        with ChunkReader(self._folder, manifest) as reader:
            self._last = (kept, found[0].offset, b"".join(reader.pieces(found[0])))
        return self._last[1:]


def remove_unneeded(job: Job) -> None:
    """Remove the files that no row which is still set aside refers to: they hold values."""
    folder = job.export_dir.data / FOLDER
    if not folder.is_dir():
        return
    quarantine, uuid = job.store.quarantine, job.record.migration_uuid
    needed = {
        Path(row.file).name[: len(str(uuid))]
        for table in quarantine.counts(uuid, PHASE)
        for page in quarantine.pages(uuid, PHASE, table)
        for row in page
        if row.file.startswith(f"{FOLDER}/")
    }
    for path in folder.iterdir():
        if path.name[: len(str(uuid))] not in needed:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()
