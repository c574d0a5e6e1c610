"""WorkingDirectory: a directory of ours with its parts and locks, written so that a kill tears nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from voyager.errors import LockedByOther, UsageError, disk_error
from voyager.identifiers import visible


class WorkingDirectory:
    """A directory and its parts; nothing is created before create(). A subclass says what it is called."""

    noun: ClassVar[str]
    option: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    missing_hint: ClassVar[str]

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser().absolute()

    @property
    def reports(self) -> Path:
        return self.path / "reports"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def private(self) -> Path:
        """Our own notes: locks, the cached record."""
        return self.path / ".voyager"

    def __str__(self) -> str:
        return visible(str(self.path))

    def __fspath__(self) -> str:
        return str(self.path)

    def create(self) -> None:
        """Create the directory (its parent must exist) and its parts; only the operator may read them."""
        try:
            self._check_place()
            self.path.mkdir(mode=0o700, exist_ok=True)
            for part in self.parts:
                (self.path / part).mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise disk_error(error, self) from error
        self.check()

    def _check_place(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"The {self.noun} {self} is a file.", f"Give a directory with {self.option}.")
        if not self.path.parent.is_dir():
            raise UsageError(
                f"The {self.noun} {self} cannot be created: {visible(str(self.path.parent))} does not exist.",
                f"Create that directory, or give another one with {self.option}.",
            )

    def check(self) -> None:
        """Raise UsageError when the directory is not there or cannot be written."""
        if not self.path.is_dir():
            raise UsageError(f"The {self.noun} {self} does not exist.", self.missing_hint)
        for directory in (self.path, *(self.path / part for part in self.parts)):
            if directory.is_dir() and not os.access(directory, os.W_OK | os.X_OK):
                raise UsageError(
                    f"The directory {visible(str(directory))} cannot be written by this user.",
                    f"Make it yours (chown), or give another one with {self.option}.",
                )

    def clean(self) -> None:
        """Remove our parts and, when nothing else is in it, the directory. Files that are not ours stay."""
        for part in self.parts:
            shutil.rmtree(self.path / part, ignore_errors=True)
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def free_bytes(self) -> int:
        """What an ordinary user may still write here."""
        standing = self._file_system()
        return standing.f_bavail * standing.f_frsize

    def total_bytes(self) -> int:
        """What its file system holds in all."""
        standing = self._file_system()
        return standing.f_blocks * standing.f_frsize

    def _file_system(self) -> os.statvfs_result:
        try:
            return os.statvfs(self.path)
        except OSError as error:
            raise disk_error(error, self) from error

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name`, or raise LockedByOther when another process has it; a dead one has nothing."""
        path = self.private / f"{name}.lock"
        try:
            self.private.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise disk_error(error, path) from error
        try:
            self._acquire(descriptor, name)
            self._refuse_removed(descriptor, path, name)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}".encode(), 0)
            yield
        finally:
            os.close(descriptor)

    def _acquire(self, descriptor: int, name: str) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = visible(os.pread(descriptor, 200, 0).decode(errors="replace")) or "another process"
            raise LockedByOther(
                f"The {self.noun} {self} is in use ({name}) by {holder}.",
                "Wait for it to end, or stop it; then run the same command again.",
            ) from None
        except OSError as error:
            raise disk_error(error, self) from error

    def _refuse_removed(self, descriptor: int, path: Path, name: str) -> None:
        """A holder that failed at once takes its lock away with it: what was opened before that locks nothing."""
        held = os.fstat(descriptor)
        try:
            there = path.stat()
        except OSError:
            there = None
        if there is None or (there.st_dev, there.st_ino) != (held.st_dev, held.st_ino):
            raise LockedByOther(
                f"The {self.noun} {self} was given up ({name}) by another process just now.",
                "Run the same command again.",
            )

    @contextlib.contextmanager
    def begun(self, name: str) -> Iterator[None]:
        """create() and hold the lock `name`. When the block fails before any file was kept, what this made goes."""
        was_there = self.path.is_dir()
        self.create()
        with self.lock(name):
            try:
                yield
            except BaseException:
                self._take_back(self.private / f"{name}.lock", was_there=was_there)
                raise

    def _take_back(self, lock: Path, *, was_there: bool) -> None:
        if any(path != lock and not path.is_dir() for path in self.path.rglob("*")):
            return
        with contextlib.suppress(OSError):
            lock.unlink()
            for part in self.parts:
                (self.path / part).rmdir()
            if not was_there:
                self.path.rmdir()

    def write_atomic(self, path: Path, content: bytes) -> None:
        """Write a whole file so that a reader sees the old one or the new one, also after a crash."""
        write_atomic(path, content)


def write_atomic(path: Path, content: bytes) -> None:
    """Write a whole file, for this user only, so that a reader sees the old one or the new one, also after a crash."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        _write_durably(temporary, content)
        temporary.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise disk_error(error, path, len(content)) from error


def _write_durably(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with memoryview(content) as rest:
            written = 0
            while written < len(rest):
                written += os.write(descriptor, rest[written:])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Make names in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
