"""Where files are: on this machine's disks here; what is elsewhere is opened by cloud.py, loaded when it is needed."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from voyager.errors import NotAllowed, UsageError, disk_error
from voyager.identifiers import visible

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+)://")
_GLOB = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class StoredFile:
    """A file as it was when it was found. `version` changes whenever its content does: modification time or etag."""

    url: str
    size: int
    version: str


class Storage(Protocol):
    """One kind of place for files."""

    def find(self, location: str) -> list[StoredFile]:
        """The files that a path, a directory or a pattern means, sorted; none when there is nothing."""
        ...

    def look(self, url: str) -> StoredFile | None:
        """The file as it is now; None when it is gone."""
        ...

    def open(self, file: StoredFile) -> Any:
        """A binary stream that can be read and sought."""
        ...


def scheme_of(location: str) -> str:
    """ "s3" of s3://bucket/x; "" for a path on this machine."""
    found = _SCHEME.match(location)
    return found[1].lower() if found else ""


def storage_of(location: str) -> Storage:
    """What reads `location`. Raises UsageError for a place that nothing here can read."""
    scheme = scheme_of(location)
    if scheme in ("", "file"):
        return Disk()
    from voyager.files.cloud import cloud_storage

    return cloud_storage(location)


def join(directory: str, name: str) -> str:
    """The location of `name`, which counts from `directory` unless it says where it is."""
    if scheme_of(name) or name.startswith("/"):
        return name
    if scheme_of(directory):
        return f"{directory.rstrip('/')}/{name}"
    return str(Path(directory).expanduser().absolute() / name)


def changed(url: str, *, gone: bool = False) -> NotAllowed:
    """The error for a file that is not what was found."""
    return NotAllowed(
        f"{visible(url)} {'is gone' if gone else 'has changed'} since this import found it.",
        "Put back the file as it was and run the same command again; or load everything anew: yb-voyager migrate "
        "import file --start-clean.",
    )


def is_pattern(location: str) -> bool:
    return _GLOB.search(location) is not None


def shown_in_listing(path: str, below: str) -> bool:
    """Whether a directory means this file too: names that begin with a dot or an underscore are other programs' own
    (_SUCCESS, .crc)."""
    parts = path[len(below) :].strip("/").split("/")
    return not any(part.startswith((".", "_")) for part in parts)


class Disk:
    """Files of this machine."""

    def find(self, location: str) -> list[StoredFile]:
        path = location.removeprefix("file://")
        try:
            return sorted(self._all(path), key=lambda file: file.url)
        except OSError as error:
            raise disk_error(error, visible(path)) from None

    def look(self, url: str) -> StoredFile | None:
        try:
            return _stored(url)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise disk_error(error, visible(url)) from None

    def open(self, file: StoredFile) -> Any:
        try:
            return Path(file.url).open("rb", buffering=0)
        except OSError as error:
            raise disk_error(error, visible(file.url)) from None

    def _all(self, path: str) -> Iterator[StoredFile]:
        """A name that is there is taken to the letter, whatever signs are in it."""
        found = [path] if Path(path).exists() or not is_pattern(path) else _fitting(path)
        for one in found:
            if Path(one).is_dir():
                yield from _below(one)
            elif Path(one).exists():
                yield _stored(one)


def _fitting(pattern: str) -> list[str]:
    """What fits a pattern of an absolute path; `**` stands for any number of directories."""
    return glob.glob(pattern, recursive=True)  # noqa: PTH207 - Path.glob follows no link and knows no absolute pattern


def _below(directory: str) -> Iterator[StoredFile]:
    for folder, _, names in os.walk(directory, onerror=_raise):
        for name in names:
            path = str(Path(folder) / name)
            if shown_in_listing(path, directory):
                yield _stored(path)


def _stored(path: str) -> StoredFile:
    facts = Path(path).stat()
    if not Path(path).is_file():
        raise UsageError(f"{visible(path)} is not a file that can be read twice.", "Name a file or a directory.")
    return StoredFile(str(Path(path).absolute()), facts.st_size, str(facts.st_mtime_ns))


def _raise(error: OSError) -> None:
    raise error
