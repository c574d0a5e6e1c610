"""Files of web servers: known by what a server says of them, and read through connections that may break.

Requests go through fsspec's session, so that its settings (FSSPEC_HTTPS and the like) count.
"""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

from voyager.errors import DatabaseAway, PermissionMissing, UsageError, VoyagerError
from voyager.files.storage import StoredFile, changed, is_pattern, scheme_of
from voyager.files.streams import compressed
from voyager.identifiers import visible

WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before a request is made again that found no server, or whose connection broke without a byte more."""
TIMEOUTS: Mapping[str, float] = {"sock_connect": 30.0, "sock_read": 60.0}
"""Of aiohttp, which left alone ends every answer that takes more than five minutes."""
_VERSIONS = ("ETag", "Content-MD5", "Digest", "Last-Modified")
_AHEAD = 1 << 20
_GONE = frozenset({404, 410})
_REFUSED = frozenset({401, 403, 407})
_LATER = frozenset({408, 425, 429})
_RANGE = re.compile(r"^bytes (\d+)-\d+/(\d+|\*)$")
_AFTER_HOST = re.compile(r"^https?://[^/]*", re.IGNORECASE)


class Away(Exception):
    """No answer, or not all of it: the same may succeed when it is asked again. Its text is for people."""


class Asking:
    """Waits for what is asked of servers, in fsspec's own thread; another thread may give it up."""

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._given_up = threading.Event()
        self._running: Future[Any] | None = None

    def once(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        self._running = asyncio.run_coroutine_threadsafe(work(), self._loop)
        if self._given_up.is_set():
            self._running.cancel()
        try:
            return self._running.result()
        except CancelledError:
            raise Away("nobody waits for it any more") from None

    def again(self, work: Callable[[], Coroutine[Any, Any, Any]], url: str) -> Any:
        """What comes of `work`, done again while nobody answers. Raises DatabaseAway when that does not end."""
        for wait in WAITS:
            try:
                return self.once(work)
            except Away:
                if self._given_up.wait(wait):
                    break
        try:
            return self.once(work)
        except Away as away:
            raise _away(url, away) from None

    def give_up(self) -> None:
        self._given_up.set()
        if self._running is not None:
            self._running.cancel()


class WebStorage:
    """Files behind fsspec's file system for the web, which knows the session and how it is to be used."""

    def __init__(self, files: Any) -> None:
        self._files, self._asking = files, Asking(files.loop)

    def give_up(self) -> None:
        """End what another thread waits for, and whatever it asks for next."""
        self._asking.give_up()

    def find(self, location: str) -> list[StoredFile]:
        url = self._url(location)
        try:
            found: StoredFile | None = self._asking.once(lambda: self._facts(url))
        except Away as away:
            raise _away(url, away) from None
        if found is None and is_pattern(_AFTER_HOST.sub("", location)):
            raise UsageError(
                f"There is no file {visible(url)}, and a web server cannot be searched by a pattern.",
                "Name the files in --file-table-map, one by one.",
            )
        return [found] if found else []

    def look(self, url: str) -> StoredFile | None:
        found: StoredFile | None = self._asking.again(lambda: self._facts(url), url)
        return found

    def open(self, file: StoredFile) -> WebFile:
        return WebFile(self._files, file, self._asking)

    async def _facts(self, url: str) -> StoredFile | None:
        return await _facts(self._files, url)

    def _url(self, location: str) -> str:
        """The one spelling of an address: what `a b.csv` and `a%20b.csv` name is one file."""
        try:
            url = self._files.encode_url(location)
            if not url.host:
                raise ValueError
        except ValueError:
            raise UsageError(
                f"{visible(location)} is no address of a file.", "Write it as https://host/file."
            ) from None
        if url.fragment:
            before = visible(location.partition("#")[0])
            raise UsageError(f"Behind {before} stands a #, which ends an address.", "Write %23 in a file's name.")
        return str(url)


class WebFile:
    """A file that is read from its place on in one answer, by as many requests as connections break.

    Where the server sends no part of a file, it is asked for the whole and what was read before is passed over. Every
    answer must be of the file that was found, of as many bytes.
    """

    def __init__(self, files: Any, file: StoredFile, asking: Asking) -> None:
        self._files, self._file, self._asking = files, file, asking
        self._held, self._from = b"", 0  # what was fetched last, and where in the file it begins
        self._at = 0
        self._answer: Any = None
        self._place = 0  # in the file, of what the answer gives next
        self._in_parts = True
        self._closed = False

    def read(self, size: int = -1) -> bytes:
        left = self._file.size - self._at
        wanted, pieces = left if size < 0 else min(size, left), []
        while wanted > 0:
            if not 0 <= self._at - self._from < len(self._held):
                self._held = b""
                self._held, self._from = self._asking.again(self._fetch, self._file.url), self._at
            start = self._at - self._from
            pieces.append(self._held[start : start + wanted])
            self._at += len(pieces[-1])
            wanted -= len(pieces[-1])
        return b"".join(pieces)

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = offset + (0, self._at, self._file.size)[whence]
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        self._closed = True
        self._files.loop.call_soon_threadsafe(self._drop)

    @property
    def closed(self) -> bool:
        return self._closed

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    async def _fetch(self) -> bytes:
        try:
            return await self._more()
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        """Close, and not keep for another request: what a server still sends would be taken for its answer."""
        if self._answer is not None:
            self._answer.close()
            self._answer = None

    async def _more(self) -> bytes:
        """At least a byte from where reading stands."""
        wanted = min(_AHEAD, self._file.size - self._at)
        too_far = self._place > self._at or (self._in_parts and self._at - self._place > _AHEAD)
        if self._answer is None or too_far:
            await self._begin()
        while self._place < self._at:
            await self._next(min(_AHEAD, self._at - self._place))
        got = bytearray()
        while len(got) < wanted:
            try:
                got += await self._next(wanted - len(got))
            except Away:
                if not got:
                    raise
                self._drop()
                break
        return bytes(got)

    async def _next(self, size: int) -> bytes:
        piece: bytes = await _told(self._answer.content.read(size))
        if not piece:
            raise Away(f"the connection ended after {self._place:,} of {self._file.size:,} bytes")
        self._place += len(piece)
        if self._place == self._file.size and self._answer.content_length is None:
            await self._check_end()
        return piece

    async def _check_end(self) -> None:
        """Raise NotAllowed for a file that goes on, where the answer did not say how long it is."""
        with suppress(Away):
            if await _told(self._answer.content.read(1)):
                raise changed(self._file.url)

    async def _begin(self) -> None:
        self._drop()
        headers = {"Range": f"bytes={self._at}-"} if self._at and self._in_parts else {}
        answer = await _answer(self._files, "GET", self._file.url, headers)
        try:
            self._place = self._begins(answer)
        except BaseException:
            answer.close()
            raise
        self._answer = answer

    def _begins(self, answer: Any) -> int:
        """The place in the file where an answer begins. Raises NotAllowed when it is of another file."""
        url, size = self._file.url, self._file.size
        if answer.status in (*_GONE, 416):
            raise changed(url, gone=answer.status in _GONE)
        _check_answer(answer, url)
        said, length = _versions(answer), answer.content_length
        if said and self._file.version not in said:
            raise changed(url)
        if answer.status != 206:
            if length not in (None, size):
                raise changed(url)
            # Nobody who answers so would send a part the next time.
            self._in_parts = self._in_parts and not self._at
            return 0
        part = _RANGE.match(answer.headers.get("Content-Range", ""))
        if part is None or int(part[1]) > self._at:
            self._in_parts = False
            raise Away("another part of it came than was asked for")
        if part[2] not in ("*", str(size)):
            raise changed(url)
        return int(part[1])


async def _facts(files: Any, url: str) -> StoredFile | None:
    """The file as its server describes it; None when there is none. Some servers say less, or nothing, when they are
    asked for the description alone."""
    size, versions = None, []
    for method in ("HEAD", "GET"):
        answer = await _answer(files, method, url, {})
        try:
            if method == "HEAD" and answer.status != 200:
                continue
            if answer.status in _GONE:
                return None
            _check_answer(answer, url)
            size, versions = answer.content_length, _versions(answer)
        finally:
            answer.close()
        if size is not None and versions:
            return StoredFile(url, size, versions[0])
    lacks, means = ("no size", "how long it is") if size is None else ("no version", "when it was changed")
    raise UsageError(f"{visible(url)} has {lacks}: its server does not say {means}.", "Copy it to this machine first.")


async def _answer(files: Any, method: str, url: str, headers: Mapping[str, str]) -> Any:
    """The answer to a request, whose body is not read yet and is going to come as it was sent."""
    import aiohttp

    given = dict(files.kwargs)
    headers = {**given.pop("headers", {}), "Accept-Encoding": "identity", **headers}
    defaults = {"timeout": aiohttp.ClientTimeout(total=None, **TIMEOUTS), "read_bufsize": _AHEAD}
    session = await files.set_session()
    options = {**defaults, **given, "headers": headers, "auto_decompress": False}
    try:
        return await _told(session.request(method, files.encode_url(url), **options), url)
    except (TypeError, ValueError) as error:
        raise UsageError(
            f"{visible(url)} cannot be asked for as fsspec is told to: {visible(str(error))[:200]}.",
            f"Correct FSSPEC_{scheme_of(url).upper()} and what begins so in the environment, or fsspec's own files.",
        ) from None


async def _told(asked: Any, url: str = "") -> Any:
    """The result of what is awaited. Raises Away and UsageError with words of ours: those of the library may hold what
    a server sent, and addresses that it redirected to."""
    import aiohttp

    try:
        return await asked
    except (aiohttp.TooManyRedirects, aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
        raise UsageError(f"{visible(url)} leads nowhere: its server redirects to no file.", "Check it.") from None
    except TimeoutError:
        raise Away("no answer came in time") from None
    except aiohttp.ClientConnectorCertificateError as error:
        raise Away(f"the certificate of {visible(error.host)} is not trusted") from None
    except aiohttp.ClientConnectorError as error:
        raise Away(f"no connection to {visible(error.host)}:{error.port}: {_reason(error.os_error)}") from None
    except (aiohttp.ClientPayloadError, aiohttp.ServerDisconnectedError):
        raise Away("the connection was closed in the middle") from None
    except aiohttp.ClientResponseError:
        raise Away("the answer is not that of a web server") from None
    except (aiohttp.ClientError, OSError) as error:
        raise Away(_reason(error) if isinstance(error, OSError) else type(error).__name__) from None


def _reason(error: OSError) -> str:
    known = error.errno is not None and error.errno > 0
    return visible(os.strerror(error.errno or 0) if known else error.strerror or str(error))[:200]


def _check_answer(answer: Any, url: str) -> None:
    """Raise what became of a request, where it is not the file."""
    status = f"{answer.status} {visible(answer.reason or '')[:80]}".strip()
    if answer.status in _REFUSED:
        raise PermissionMissing(
            f"{visible(url)} may not be read: its server refuses access ({status}).",
            "Give credentials as fsspec takes them: "
            """FSSPEC_HTTPS='{"headers": {"Authorization": "…"}}' in the environment (FSSPEC_HTTP for http://).""",
        )
    if answer.status >= 500 or answer.status in _LATER:
        raise Away(f"its server answers {status}")
    if answer.status not in (200, 206):
        raise UsageError(f"{visible(url)} cannot be read: its server answers {status}.", "Check the address.")
    path = url.partition("?")[0].lower()
    if answer.content_type == "text/html" and (answer.history or path.endswith("/")) and "htm" not in path[-5:]:
        raise UsageError(
            f"{visible(url)} is no file: its server sends a web page in its place.",
            "Name a file: a directory cannot be read over the web. Where one must log in first, copy the file to this "
            "machine.",
        )
    coding = answer.headers.get("Content-Encoding", "").strip().lower()
    if coding not in ("", "identity") and not compressed(url):
        raise UsageError(
            f"{visible(url)} comes compressed ({visible(coding)[:20]}), though its server was asked for it as it is.",
            "Let the server send it as it is, or under a name that ends in .gz; or copy it to this machine first.",
        )


def _versions(answer: Any) -> list[str]:
    """All that changes when a file does, as far as its server tells; the best first."""
    said = (" ".join(answer.headers.get(name, "").split()).strip('"') for name in _VERSIONS)
    return [one for one in said if one]


def _away(url: str, away: Away) -> VoyagerError:
    return DatabaseAway(f"{visible(url)} could not be read: {away}.", "Nothing is lost; run the same command again.")
