"""Streams of a file's text: decompressed by the file's name, decoded where rows cannot be found before."""

from __future__ import annotations

import codecs
import lzma
import re
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
"""How much of a file is decompressed at a time: of zstd, all that comes of it is there at once."""
_OF_THE_FILE = re.compile(r" \(b['\"].*| 0x.*", re.DOTALL)
"""What gzip puts behind its words: bytes that it found, sums over them."""


class Stream(Protocol):
    """Bytes in order. An empty answer is the end."""

    def read(self, size: int, /) -> bytes: ...

    def close(self) -> None: ...


def compressed(name: str) -> bool:
    """Whether a file's name says that it is compressed, so that nobody can begin in its middle."""
    return _stem(name).endswith(COMPRESSED)


def not_read(name: str) -> bool:
    """Whether a file's name says that it is of a kind that is not read here."""
    return _stem(name).endswith(NOT_READ)


def _stem(name: str) -> str:
    """The name in small letters, without what a web address asks for behind it."""
    lower = name.lower()
    return lower.partition("?")[0] if lower.startswith(("http://", "https://")) else lower


def text_of(raw: Any, name: str, dialect: Dialect) -> Stream:
    """The text of the opened file `name`: as it is stored, or decompressed and decoded."""
    stream: Stream = Told(_decompressed(raw, _stem(name)) if compressed(name) else raw, raw, name)
    return Recoded(stream, dialect.encoding, name) if dialect.recoded_first else stream


def _decompressed(raw: Any, name: str) -> Any:
    if name.endswith(".gz"):
        import gzip

        return gzip.GzipFile(fileobj=raw, mode="rb")
    if name.endswith(".bz2"):
        import bz2

        return Frames(raw, bz2.BZ2Decompressor)
    if name.endswith(".xz"):
        return Frames(raw, lzma.LZMADecompressor, padded=True)
    return Frames(raw, _zstandard)


def _zstandard() -> Any:
    from zstandard import ZstdDecompressor

    return Zstandard(ZstdDecompressor().decompressobj())


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
            f"{visible(self._name)} is damaged or cut off: {visible(_OF_THE_FILE.sub('', str(error)))}.",
            "Get the file again.",
        )


class Frames:
    """Decompresses frame after frame (bzip2 and xz call them streams) to the end of what is there.

    A last frame that is not whole, and what is no frame, raise EOFError or the library's own error: the libraries'
    readers take it for the end, and with it all that follows.
    """

    def __init__(self, raw: Any, new: Callable[[], Any], *, padded: bool = False) -> None:
        self._raw, self._new, self._padded = raw, new, padded
        self._frame: Any = None
        self._rest = b""
        self._begun = False

    def read(self, size: int) -> bytes:
        while True:
            if self._frame is None and not self._begin():
                return b""
            piece = self._rest
            if not piece and self._frame.needs_input and not (piece := self._raw.read(_PIECE)):
                raise EOFError("its end is missing")
            self._rest = b""
            text: bytes = self._frame.decompress(piece, size)
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
            if text:
                return text

    def close(self) -> None:
        self._frame = None

    def _begin(self) -> bool:
        """Whether another frame begins. Between those of xz, and behind the last one, there may be zeros."""
        self._rest = self._rest or self._raw.read(_PIECE)
        while self._padded and self._begun and self._rest:
            self._rest = self._rest.lstrip(b"\0")
            if self._rest:
                break
            self._rest = self._raw.read(_PIECE)
        if not self._rest and self._begun:
            return False
        self._begun, self._frame = True, self._new()
        return True


class Zstandard:
    """One frame of zstd, as the standard library's decompressors are asked."""

    needs_input = True

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    def decompress(self, piece: bytes, _: int) -> bytes:
        from zstandard import ZstdError

        try:
            return self._frame.decompress(piece)  # type: ignore[no-any-return]
        except ZstdError as error:
            raise EOFError(str(error)) from None

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)


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
                raise misread(self._name, self._encoding, error) from None
            if text:
                return text
        return b""

    def close(self) -> None:
        self._stream.close()


def misread(name: str, encoding: str, error: UnicodeError, place: str = "") -> DamagedFile:
    """The error for bytes that are no text of the encoding. Some decoders put into their reasons what they found."""
    where = f" ({place})" if place else ""
    reason = getattr(error, "reason", "").partition(" '")[0]
    return DamagedFile(
        f"{visible(name)} is not {encoding} text{where}{': ' if reason else ''}{visible(reason)}.",
        "Name its encoding with --encoding.",
    )


Opener = Callable[[], Stream]
