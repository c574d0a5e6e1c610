"""Chunk files: COPY text cut into checked blocks of whole rows, and the manifest that says a chunk is done."""

from __future__ import annotations

import builtins
import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import xxhash

from voyager.errors import DamagedFile, VoyagerError, disk_error
from voyager.identifiers import TableName, visible

BLOCK_ROWS = 20_000
BLOCK_BYTES = 8 << 20
WHOLE_READ_BYTES = 16 << 20
PIECE_BYTES = 512 << 10
PACKED_LATE = 256 << 10
"""What zstd may have taken in and not given out yet, and what it adds to rows that cannot be made shorter."""
COMPRESSIONS = ("none", "zstd")
FORMAT = 1


@dataclass(frozen=True)
class Block:
    """`length` bytes at `offset` of the file hold `rows` whole rows; `size` is their length as COPY text. `checksum` is
    over the bytes in the file."""

    offset: int
    length: int
    rows: int
    size: int
    checksum: str


@dataclass(frozen=True)
class ChunkManifest:
    """What a finished chunk file holds. It is written after the file is complete and durable: no manifest, no chunk.

    `attempt` is the export it belongs to, `chunk_id` is new each time the chunk is read, so no ledger row can vouch for
    another reading of it. `snapshot` is the key of the view of the source it was read under.
    """

    chunk_id: str
    attempt: str
    table: TableName
    ordinal: int
    predicate: str
    columns: tuple[str, ...]
    snapshot: str
    compression: str
    rows: int
    bytes: int
    length: int
    blocks: tuple[Block, ...]
    encoding: str = "UTF8"
    format: int = FORMAT

    @property
    def data_name(self) -> str:
        return data_name(self.chunk_id)

    @property
    def set_aside(self) -> int:
        """A file takes every row."""
        return 0

    def dump(self) -> builtins.bytes:
        body = {field.name: getattr(self, field.name) for field in fields(self)}
        body["table"] = {"schema": self.table.schema, "name": self.table.name}
        body["blocks"] = [(b.offset, b.length, b.rows, b.size, b.checksum) for b in self.blocks]
        return seal(body)

    @classmethod
    def load(cls, path: Path) -> ChunkManifest:
        """Read a manifest; raises DamagedFile when it is not what was written."""
        body = unseal(path)
        if body.get("format") != FORMAT:
            raise DamagedFile(
                f"The manifest {visible(path.name)} has format {body.get('format')}; this version reads {FORMAT}.",
                "Use the version of yb-voyager that exported the data.",
            )
        body["table"] = TableName(**body["table"])
        body["columns"] = tuple(body["columns"])
        body["blocks"] = tuple(Block(*block) for block in body["blocks"])
        return cls(**body)


def data_name(chunk_id: str) -> str:
    return f"{chunk_id}_data.sql"


def manifest_name(chunk_id: str) -> str:
    return f"{chunk_id}.manifest.json"


def seal(body: dict[str, Any]) -> bytes:
    """Return `body` as JSON that carries its own checksum."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=True)
    return f'{{"checksum":"{xxhash.xxh3_128_hexdigest(text.encode())}","body":{text}}}\n'.encode()


def unseal(path: Path) -> dict[str, Any]:
    """Read what seal() wrote; raises DamagedFile for anything else."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFile(f"The file {visible(str(path))} is missing.", _EXPORT_AGAIN) from None
    except OSError as error:
        raise disk_error(error, path) from error
    try:
        document = json.loads(content)
        body: dict[str, Any] = document["body"]
        whole = content == seal(body) and isinstance(body, dict)
    except (ValueError, KeyError, TypeError, RecursionError):
        whole = False
    if not whole:
        raise DamagedFile(f"The file {visible(str(path))} is damaged (its checksum does not hold).", _EXPORT_AGAIN)
    return body


_EXPORT_AGAIN = (
    "Nothing damaged was loaded. Restore the file from a copy, or export anew with:"
    " yb-voyager migrate export data --start-clean."
)


class ChunkWriter:
    """Writes one chunk file: whole rows in, blocks out. finish() makes it durable, discard() removes it."""

    def __init__(self, path: Path, compression: str = "none") -> None:
        self.path = path
        self.blocks: list[Block] = []
        self.rows = 0
        self.bytes = 0
        self.length = 0
        self._compression = compression
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            self._file: int | None = os.open(path, flags, 0o600)
        except OSError as error:
            raise disk_error(error, path) from error
        self._open_block()

    def write(self, rows: bytes | bytearray) -> bool:
        """Append whole rows; returns True when a block was closed on the way (a good moment to look up)."""
        view, start, closed = memoryview(rows), 0, False
        while start < len(rows):
            count = rows.count(b"\n", start)
            if count <= BLOCK_ROWS - self._block_rows and len(rows) - start <= BLOCK_BYTES - self._block_size:
                self._append(view[start:], count)
                break
            end, fitting = self._fitting(rows, start, count)
            if fitting:
                self._append(view[start:end], fitting)
                start = end
            self._close_block()
            closed = True
        return closed

    def reach(self, more: int) -> int:
        """How long the file may be when rows of so many bytes are written, too: known before they are."""
        return self.length + self._block_length + more + (PACKED_LATE if self._packer else 0)

    def finish(self) -> None:
        """Close the last block and make the file durable."""
        self._close_block()
        assert self._file is not None
        try:
            os.fsync(self._file)
            os.close(self._file)
        except OSError as error:
            raise disk_error(error, self.path) from error
        self._file = None

    def discard(self) -> None:
        """Remove an unfinished file; what cannot be removed is found by the next run."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _fitting(self, rows: bytes | bytearray, start: int, count: int) -> tuple[int, int]:
        """Where the rows that still fit end, and how many they are; at least one where the block is empty."""
        room_rows = BLOCK_ROWS - self._block_rows
        if room_rows == 0:
            return start, 0
        end, fitting = (len(rows), count) if count <= room_rows else (_end_of_row(rows, start, room_rows), room_rows)
        limit = start + BLOCK_BYTES - self._block_size
        if end > limit:
            end = rows.rfind(b"\n", start, max(start, limit)) + 1
            fitting = rows.count(b"\n", start, end) if end else 0
        if not fitting and not self._block_rows:
            return rows.index(b"\n", start) + 1, 1
        return end, fitting

    def _open_block(self) -> None:
        self._block_rows = self._block_size = self._block_length = 0
        self._hash = xxhash.xxh3_128()
        self._packer = _packer() if self._compression == "zstd" else None

    def _append(self, part: memoryview, rows: int) -> None:
        self._block_rows += rows
        self._block_size += len(part)
        self._put(self._packer.compress(part) if self._packer else part)

    def _put(self, content: bytes | memoryview) -> None:
        self._hash.update(content)
        self._block_length += len(content)
        assert self._file is not None
        try:
            written = os.write(self._file, content)
            while written < len(content):
                written += os.write(self._file, memoryview(content)[written:])
        except OSError as error:
            raise disk_error(error, self.path, len(content)) from error

    def _close_block(self) -> None:
        if not self._block_rows:
            return
        if self._packer:
            self._put(self._packer.flush())
        block = Block(self.length, self._block_length, self._block_rows, self._block_size, self._hash.hexdigest())
        self.blocks.append(block)
        self.rows += block.rows
        self.bytes += block.size
        self.length += block.length
        self._open_block()


class ChunkReader:
    """Reads the blocks of one chunk file, none of whose bytes come out unchecked."""

    def __init__(self, directory: Path, manifest: ChunkManifest) -> None:
        self.path = directory / manifest.data_name
        self.manifest = manifest
        try:
            self._file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise DamagedFile(f"The data file {visible(str(self.path))} is missing.", _EXPORT_AGAIN) from None
        except OSError as error:
            raise disk_error(error, self.path) from error
        found = os.fstat(self._file).st_size
        if found != manifest.length:
            self.close()
            raise DamagedFile(
                f"The data file {visible(str(self.path))} of {manifest.table} is {found:,} bytes long;"
                f" its manifest says {manifest.length:,}. Damaged from offset {min(found, manifest.length):,} on.",
                _EXPORT_AGAIN,
            )

    def __enter__(self) -> ChunkReader:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def pieces(self, block: Block) -> Iterator[bytes | memoryview]:
        """Yield the COPY text of a block in pieces; nothing comes before the whole block was checked."""
        source: _Readable
        if block.length <= WHOLE_READ_BYTES:
            content = os.pread(self._file, block.length, block.offset)
            self._compare(block, xxhash.xxh3_128_hexdigest(content))
            source = _Bytes(content)
        else:
            self._compare(block, _exhausted(_Range(self._file, block.offset, block.length)))
            source = _Range(self._file, block.offset, block.length)
        size = 0
        for piece in self._text(block, source):
            size += len(piece)
            yield piece
        # The second reading of a big block is checked too: the file may have changed in between.
        if isinstance(source, _Range):
            self._compare(block, source.checksum())
        if size != block.size:
            raise self._damage(block)

    def _text(self, block: Block, source: _Readable) -> Iterator[bytes | memoryview]:
        if self.manifest.compression == "none":
            while piece := source.read(PIECE_BYTES):
                yield piece
            return
        import zstandard

        try:
            reader: Any = zstandard.ZstdDecompressor().stream_reader
            with reader(source, closefd=False) as text:
                while unpacked := text.read(PIECE_BYTES):
                    yield unpacked
        except zstandard.ZstdError:
            raise self._damage(block) from None

    def _compare(self, block: Block, checksum: str) -> None:
        if checksum != block.checksum:
            raise self._damage(block)

    def _damage(self, block: Block) -> VoyagerError:
        return DamagedFile(
            f"The data file {visible(str(self.path))} of {self.manifest.table} is damaged in the"
            f" {block.length:,} bytes at offset {block.offset:,}; none of that block's rows were loaded.",
            _EXPORT_AGAIN,
        )


class _Readable(Protocol):
    def read(self, size: int = -1) -> bytes | memoryview: ...


class _Bytes:
    """A block held in memory, handed out without copying."""

    def __init__(self, content: bytes) -> None:
        self._rest = memoryview(content)

    def read(self, size: int = -1) -> memoryview:
        part = self._rest[:size] if size >= 0 else self._rest
        self._rest = self._rest[len(part) :]
        return part


class _Range:
    """A part of a file read piece by piece, with the checksum of what was read."""

    def __init__(self, file: int, offset: int, length: int) -> None:
        self._file, self._offset, self._end = file, offset, offset + length
        self._hash = xxhash.xxh3_128()

    def read(self, size: int = -1) -> bytes:
        rest = self._end - self._offset
        part = os.pread(self._file, min(size, rest) if size >= 0 else rest, self._offset)
        self._offset += len(part)
        self._hash.update(part)
        return part

    def checksum(self) -> str:
        digest: str = self._hash.hexdigest()
        return digest


def _exhausted(part: _Range) -> str:
    while part.read(PIECE_BYTES):
        pass
    return part.checksum()


def _end_of_row(rows: bytes | bytearray, start: int, number: int) -> int:
    """Where the row with this number (from 1) ends, found by halving: no row is touched by itself."""
    low, high = start, len(rows)
    while high - low > 1:
        middle = (low + high) // 2
        before = rows.count(b"\n", low, middle)
        if before >= number:
            high = middle
        else:
            number -= before
            low = middle
    return high


def _packer() -> Any:
    import zstandard

    return zstandard.ZstdCompressor(level=1).compressobj()
