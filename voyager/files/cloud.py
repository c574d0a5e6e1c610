"""Files of object stores, through fsspec (web servers: web.py); each kind needs a package, loaded when it is used.

Who may read them is the provider's own matter: environment, profile or role as its tools take them, and nothing of it
passes through here. fsspec's own settings (FSSPEC_S3_ENDPOINT_URL, FSSPEC_S3_ANON, fsspec.json) count, too.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from voyager.errors import DatabaseAway, PermissionMissing, UsageError, VoyagerError
from voyager.files.storage import Storage, StoredFile, changed, is_pattern, scheme_of, shown_in_listing
from voyager.identifiers import visible

PACKAGES: Mapping[str, str] = MappingProxyType(
    {"s3": "s3fs", "gs": "gcsfs", "abfs": "adlfs", "https": "aiohttp", "http": "aiohttp"}
)
"""Protocol of fsspec -> the package that speaks it."""
_SAME = {"s3a": "s3", "gcs": "gs", "az": "abfs", "abfss": "abfs"}
_AZURE = re.compile(r"^https://([a-z0-9-]+)\.(?:blob|dfs)\.core\.[a-z0-9.-]+/(.*)$")
# Of any address: a password before the host, which may hold signs that end one; a signed query.
_SECRET = re.compile(
    r"(?<=://)(?!\[)[^/@:]*:(?!\d+(?:/|$)).*(?=@)|\?.*(?:sig|signature|token|secret|key|password)=.*$", re.IGNORECASE
)
# Of one on the web: whoever is before the host, and a query with values, or long enough for a token. Elsewhere a name
# may have these signs: container@account, part?/day=1.
_SECRET_ON_THE_WEB = re.compile(_SECRET.pattern + r"|(?<=://)[^/]*(?=@)|\?[^?]*=.*$|\?[^?./]{16,}$", re.IGNORECASE)
_AHEAD = 8 << 20
_VERSIONS = (
    "ETag",
    "etag",
    "md5Hash",
    "content_md5",
    "generation",
    "LastModified",
    "last_modified",
    "updated",
    "mtime",
)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Address:
    """A location as fsspec takes it: protocol, the path with or without one, and what else it must be told."""

    protocol: str
    path: str
    options: Mapping[str, Any] = field(default_factory=dict)


def address_of(location: str) -> Address:
    """How fsspec reaches `location`. The https address of an Azure container is read through Azure's own interface,
    which can list it. Raises UsageError for an unknown kind, and for an address that holds a secret."""
    scheme = scheme_of(location)
    refuse_secret(location)
    if found := _AZURE.match(location):
        return Address("abfs", found[2], {"account_name": found[1]})
    protocol = _SAME.get(scheme, scheme)
    if protocol not in PACKAGES:
        raise UsageError(
            f"Files cannot be read from {visible(scheme)}://.",
            "Use a path on this machine, or s3://, gs://, https://, abfs:// (Azure).",
        )
    rest = location.split("://", 1)[1]
    return Address(protocol, location if protocol in ("http", "https") else rest)


def without_secret(location: str) -> str:
    """What may be shown of an address that somebody wrote."""
    on_the_web = location.lower().startswith(("http://", "https://"))
    return (_SECRET_ON_THE_WEB if on_the_web else _SECRET).sub("…", location)


def refuse_secret(location: str) -> None:
    """Raise UsageError for an address that may not be kept."""
    if (shown := without_secret(location)) != location:
        raise UsageError(
            f"The address of {visible(shown)} may hold a secret, and addresses are kept with the migration.",
            "Give the credentials as the provider's own tools take them (environment, profile), and leave them out.",
        )


def cloud_storage(location: str) -> Storage:
    """What reads `location`. Raises UsageError when a package is missing, and names it."""
    address = address_of(location)
    missing = [name for name in ("fsspec", PACKAGES[address.protocol]) if importlib.util.find_spec(name) is None]
    if missing:
        raise UsageError(
            f"Reading {visible(scheme_of(location))}:// needs {' and '.join(missing)}, not installed here.",
            "Install it with: pip install 'yb-voyager[cloud]'.",
        )
    import fsspec

    files = _asked(lambda: fsspec.filesystem(address.protocol, **address.options), location)
    if address.protocol in ("http", "https"):
        from voyager.files.web import WebStorage

        return WebStorage(files)
    return CloudStorage(files, prefix=location.removesuffix(address.path))


class CloudStorage:
    """Files behind one of fsspec's file systems. `prefix` makes its paths what the operator wrote."""

    def __init__(self, files: Any, *, prefix: str) -> None:
        self._files, self._prefix = files, prefix

    def find(self, location: str) -> list[StoredFile]:
        path = self._path(location)
        return sorted(_asked(lambda: self._all(path), location), key=lambda file: file.url)

    def look(self, url: str) -> StoredFile | None:
        def ask() -> StoredFile | None:
            self._files.invalidate_cache()
            try:
                return self._stored(self._path(url), self._files.info(self._path(url)))
            except FileNotFoundError:
                return None

        return _asked(ask, url)

    def open(self, file: StoredFile) -> Any:
        path = self._path(file.url)
        try:
            opened = _asked(lambda: self._files.open(path, "rb", block_size=_AHEAD, cache_type="readahead"), file.url)
        except FileNotFoundError:
            raise changed(file.url, gone=True) from None
        return Asked(opened, file)

    def _all(self, path: str) -> list[StoredFile]:
        self._files.invalidate_cache()
        if is_pattern(path):
            found: Mapping[str, Any] = self._files.glob(path, detail=True)
        else:
            try:
                found = {path: self._files.info(path)}
            except FileNotFoundError:
                return []
        listed: list[StoredFile] = []
        for one, info in found.items():
            if info.get("type") == "directory":
                inside = self._files.find(one, detail=True).items()
                listed += [self._stored(name, facts) for name, facts in inside if shown_in_listing(name, one)]
            else:
                listed.append(self._stored(one, info))
        return [file for file in listed if not file.url.endswith("/")]

    def _stored(self, path: str, info: Mapping[str, Any]) -> StoredFile:
        version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
        url = self._prefix + path.lstrip("/")
        if info.get("size") is None:
            raise UsageError(
                f"{visible(url)} has no size: its server does not say how long it is.", "Copy it to this machine first."
            )
        return StoredFile(url, int(info["size"]), version.strip('"'))

    def _path(self, location: str) -> str:
        return location.removeprefix(self._prefix)


class Asked:
    """An opened file whose failures are ours: the network is away, the right is missing."""

    def __init__(self, stream: Any, file: StoredFile) -> None:
        self._stream, self._url, self._size = stream, file.url, file.size

    def read(self, size: int = -1) -> bytes:
        try:
            return _asked(lambda: self._read(size), self._url)
        except FileNotFoundError:
            raise changed(self._url, gone=True) from None

    def _read(self, size: int) -> bytes:
        piece = bytes(self._stream.read(size))
        if not piece and size and self.tell() < self._size:
            raise EOFError(f"nothing came after {self.tell():,} of {self._size:,} bytes")
        return piece

    def readinto(self, buffer: Any) -> int:
        piece = self.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        return _asked(lambda: int(self._stream.seek(offset, whence)), self._url)

    def tell(self) -> int:
        return int(self._stream.tell())

    def close(self) -> None:
        self._stream.close()

    @property
    def closed(self) -> bool:
        return bool(self._stream.closed)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False


def _asked(ask: Callable[[], Answer], location: str) -> Answer:
    """Ask the store. The packages raise errors of dozens of kinds; those of permissions tell themselves."""
    try:
        return ask()
    except (VoyagerError, FileNotFoundError):
        raise
    except Exception as error:
        words = visible(re.sub(r"\?\S+", "?…", " ".join(str(error).split()))[:300])
        refused = isinstance(error, PermissionError) or "Credential" in type(error).__name__ or "Forbidden" in words
        if refused:
            raise PermissionMissing(
                f"{visible(location)} may not be read: {words}",
                "Give credentials as the provider's own tools take them: environment, profile or role.",
            ) from None
        raise DatabaseAway(
            f"{visible(location)} could not be read: {type(error).__name__}: {words}",
            "Nothing is lost; run the same command again.",
        ) from None
