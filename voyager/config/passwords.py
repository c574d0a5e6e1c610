"""Where a password may come from. It is read when it is needed and goes nowhere but into the driver."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from voyager.errors import UsageError

COMMAND_SECONDS = 60


def from_file(path: str, *, flag: str) -> str:
    """Return the first line of a file, without its line end."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UsageError(f"The password file {path} ({flag}) cannot be read: {reason}.") from None
    return text.partition("\n")[0].rstrip("\r")


def from_config(value: Any, *, where: str, environment: Mapping[str, str]) -> str | None:
    """Resolve `password: {env: X}`, `{file: Y}`, `{command: Z}`, `pgpass`, or a literal one."""
    if isinstance(value, str):
        return None if value == "pgpass" else value
    if not isinstance(value, dict) or len(value) != 1:
        raise UsageError(
            f"{where} is not a password source.", "Write {env: NAME}, {file: PATH}, {command: PROGRAM} or pgpass."
        )
    kind, text = next(iter(value.items()))
    if kind == "env":
        if str(text) not in environment:
            raise UsageError(f"{where} names the environment variable {text}, which is not set.")
        return environment[str(text)]
    if kind == "file":
        return from_file(str(text), flag=where)
    if kind == "command":
        return _from_command(str(text), where=where)
    raise UsageError(f"{where} has an unknown password source: {kind}.", "Known: env, file, command, pgpass.")


def _from_command(command: str, *, where: str) -> str:
    """Run a program that prints the password. What it says on stderr is shown; what it prints is not."""
    import subprocess

    try:
        done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, timeout=COMMAND_SECONDS, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"The password command of {where} did not run ({type(error).__name__}).") from None
    if done.returncode != 0:
        raise UsageError(f"The password command of {where} ended with exit code {done.returncode}.")
    return done.stdout.decode("utf-8", "replace").partition("\n")[0].rstrip("\r")
