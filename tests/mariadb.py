"""A private MariaDB server for tests: in a directory of its own, gone with the process that started it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.endpoint import Endpoint

START_SECONDS = 60.0
SETTINGS = (
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=16M",
    "--innodb-flush-log-at-trx-commit=0",
    "--character-set-server=utf8mb4",
    "--skip-name-resolve",
    "--performance-schema=ON",
    "--server-id=1",
)


def find(program: str) -> str | None:
    """Where `program` is: Debian keeps the server itself out of an ordinary user's PATH."""
    return shutil.which(program, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")


def why_not() -> str:
    """Why no server can be started here, "" when one can."""
    missing = [name for name in ("mariadbd", "mariadb-install-db", "mariadb") if find(name) is None]
    return f"MariaDB is not installed: no {', '.join(missing)} (apt-get install mariadb-server)" if missing else ""


@dataclass
class MariadbServer:
    """One private server with its administrator `root`."""

    directory: Path
    port: int
    password: str = field(repr=False)
    settings: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.directory / "s.sock"

    def endpoint(
        self,
        database: str,
        user: str = "root",
        *,
        password: str | None = None,
        schemas: Sequence[str] = (),
        tls: dict[str, str] | None = None,
    ) -> Endpoint:
        known = self.password if user == "root" and password is None else password
        return Endpoint(
            "mysql", "127.0.0.1", self.port, database, user, tuple(schemas), tuple((tls or {}).items()), password=known
        )

    def connect(self, database: str | None = None, **keywords: Any) -> Any:
        """A connection of the test's own, as root."""
        import mysql.connector

        given = {"user": "root", "password": self.password, "database": database, **keywords}
        return mysql.connector.connect(
            host="127.0.0.1",
            port=self.port,
            charset="utf8mb4",
            collation="utf8mb4_general_ci",
            autocommit=True,
            **given,
        )

    def run(self, text: str, database: str | None = None) -> str:
        """Feed `text` to the real client as root and return what it prints."""
        done = self.client(text, *([database] if database else []))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def client(self, text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The real client as root; its password travels in the environment."""
        command = [find("mariadb") or "mariadb", "--no-defaults", "--host=127.0.0.1", f"--port={self.port}"]
        command += ["--protocol=tcp", "--user=root", "--default-character-set=utf8mb4", *arguments]
        environment = {"PATH": os.defpath, "MYSQL_PWD": self.password}
        return subprocess.run(command, input=text, capture_output=True, text=True, env=environment, check=False)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=START_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def start(self) -> None:
        """Start it (again) on its port and return when it answers."""
        command = [str(find("mariadbd")), "--no-defaults", f"--datadir={self.directory / 'data'}"]
        command += [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self.socket}"]
        # A server that starts clears away temporary tables where it has its own, those of others with them.
        command += [f"--pid-file={self.directory / 'pid'}", f"--tmpdir={self.directory / 'tmp'}"]
        command += [*SETTINGS, *self.settings]
        with (self.directory / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A server that changes its account by itself would no longer end with us.
                preexec_fn=_die_with_parent(),
                **_as_account(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            assert self.process.poll() is None, (self.directory / "server.log").read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "MariaDB did not start"
            time.sleep(0.02)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


def start_mariadb(directory: Path, *settings: str) -> MariadbServer:
    """Make a new server in `directory` on a free port of the loopback interface; `settings` are its options."""
    directory.mkdir(parents=True)
    account = _account()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    own = (directory / "data", directory / "tmp")
    for path in own:
        path.mkdir()
    if os.geteuid() == 0:
        for path in (directory, *own):
            shutil.chown(path, account)
        directory.chmod(0o755)
    command = [str(find("mariadb-install-db")), "--no-defaults", f"--datadir={directory / 'data'}", f"--user={account}"]
    command += ["--auth-root-authentication-method=normal", "--skip-test-db", f"--tmpdir={directory / 'tmp'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    server = MariadbServer(directory, port, "", settings)
    server.start()
    password = secrets.token_hex(12)
    with server.connect() as connection:
        for host in ("localhost", "127.0.0.1", "::1"):
            connection.cursor().execute(f"SET PASSWORD FOR 'root'@'{host}' = PASSWORD('{password}')")
    server.password = password
    return server


def _account() -> str:
    """As whom the server runs: root may not."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "mysql" if "mysql" in names else "nobody"


def _as_account() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam(_account())
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def _die_with_parent() -> Any:
    if sys.platform != "linux":
        return None
    set_option = ctypes.CDLL(None).prctl
    return lambda: set_option(1, signal.SIGTERM)
