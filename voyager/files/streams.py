"""Streams of a file's text: decompressed by the file's name, decoded where rows cannot be found before."""

from __future__ import annotations

import codecs
import lzma
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from voyager.errors import DamagedFile, VoyagerError, disk_error
from voyager.files.dialect import Dialect
from voyager.identifiers import visible

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
NOT_READ = (".zip", ".tar", ".tgz", ".7z", ".rar", ".lz4", ".snappy", ".parquet", ".orc", ".avro", ".xlsx")
_PIECE = 16 << 10
"""How much of a zstd file is decompressed at a time: all that comes of it is there at once."""


class Stream(Protocol):
    """Bytes in order. An empty answer is the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def compressed(name: str) -> bool:
    """Whether a file's name says that it is compressed, so that nobody can begin in its middle."""
    return name.lower().endswith(COMPRESSED)


def text_of(raw: Any, name: str, dialect: Dialect) -> Stream:
    """The text of the opened file `name`: as it is stored, or decompressed and decoded."""
    stream: Stream = Told(_decompressed(raw, name.lower()) if compressed(name) else raw, raw, name)
    return Recoded(stream, dialect.encoding, name) if dialect.recoded_first else stream


def _decompressed(raw: Any, name: str) -> Any:
    if name.endswith(".gz"):
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="rb")
    if name.endswith(".bz2"):
        import bz2

        return bz2.BZ2File(raw)
    return lzma.LZMAFile(raw) if name.endswith(".xz") else Zstandard(raw)


class Told:
    """A stream whose failures name the file: damaged or cut off, or not to be read."""

    def __init__(self, stream: Any, raw: Any, name: str) -> None:
        self._stream, self._raw, self._name = stream, raw, name

    def read(self, size: int) -> bytes:
        try:
            return self._stream.read(size)  # type: ignore[no-any-return]
        except VoyagerError:
            raise
        except (EOFError, zlib.error, lzma.LZMAError) as error:
            raise self._damaged(error) from None
        except OSError as error:
            # What the decompressors raise for bad data has no number.
            raise (disk_error(error, visible(self._name)) if error.errno else self._damaged(error)) from None

    def close(self) -> None:
        for stream in (self._stream, self._raw):
            with suppress(OSError):
                stream.close()

    def _damaged(self, error: Exception) -> DamagedFile:
        return DamagedFile(
            f"{visible(self._name)} is damaged or cut off: {visible(str(error))}.",
            "Get the file again.",
        )


class Zstandard:
    """Decompresses frame after frame. A last frame that is not whole raises EOFError: the library's own reader takes it
    for the end."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._frame: Any = None
        self._rest = b""

    def read(self, size: int) -> bytes:
        from zstandard import ZstdDecompressor, ZstdError

        while True:
            piece = self._rest or self._raw.read(min(size, _PIECE))
            self._rest = b""
            if not piece:
                if self._frame is not None:
                    raise EOFError("the last zstd frame is not whole")
                return b""
            if self._frame is None:
                self._frame = ZstdDecompressor().decompressobj()
            try:
                text: bytes = self._frame.decompress(piece)
            except ZstdError as error:
                raise EOFError(str(error)) from None
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
            if text:
                return text

    def close(self) -> None:
        self._frame = None


class Recoded:
    """Text of another encoding as UTF-8."""

    def __init__(self, stream: Stream, encoding: str, name: str) -> None:
        self._stream, self._name, self._encoding = stream, name, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)()
        self._ended = False

    def read(self, size: int) -> bytes:
        while not self._ended:
            piece = self._stream.read(size)
            self._ended = not piece
            try:
                text = self._decoder.decode(piece, final=self._ended).encode()
            except UnicodeError as error:
                raise misread(self._name, self._encoding, getattr(error, "reason", str(error))) from None
            if text:
                return text
        return b""

    def close(self) -> None:
        self._stream.close()


def misread(name: str, encoding: str, reason: str, place: str = "") -> DamagedFile:
    """The error for bytes that are no text of the encoding."""
    where = f" ({place})" if place else ""
    return DamagedFile(
        f"{visible(name)} is not {encoding} text{where}: {reason}.", "Name its encoding with --encoding."
    )


Opener = Callable[[], Stream]
