"""Commands that can be pasted as they stand: with what tells them where the target is and which migration is meant."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from voyager.config import Config
from voyager.config.config import PORTS, TLS_KEYWORDS

PROGRAM = "yb-voyager"
_WHICH = ("export_dir", "migration_name", "migration_uuid")


def pasteable(command: str, *, config: Config, migration: str, export_dir: str = "") -> tuple[str, ...]:
    """The lines of a command, options one a line, quoted for a shell. Never a password; its file, yes. `export_dir` is
    where the migration remembers its files to be: where this command line names another place, so must the next."""
    words = [PROGRAM, *shlex.split(command)]
    first = next((place for place, word in enumerate(words) if word.startswith("-")), len(words))
    options = _pairs(words[first:]) + _target(config) + [("--migration-name", migration)]
    options += _moved(config, export_dir)
    return (shlex.join(words[:first]), *("  " + shlex.join(option) for option in options))


def one_line(lines: Sequence[str]) -> str:
    """The same command for a clipboard or a program."""
    return " ".join(line.strip() for line in lines)


def given_again(config: Config) -> str:
    """The options of this command line that say where the target is and which migration is meant, for the commands that
    a message names; empty where those find both as this one did, by the environment or by what is remembered."""
    on_the_line = {name for name, value in config.values.items() if value.origin.startswith("--")}
    options = _target(config) if any(name.startswith("target_") for name in on_the_line) else []
    if not options and "config_file" in on_the_line:
        options = [("--config-file", str(config.values["config_file"].value))]
    options += [(config.values[name].origin, str(config.values[name].value)) for name in _WHICH if name in on_the_line]
    return " ".join(shlex.join(option) for option in options)


def _moved(config: Config, known: str) -> list[tuple[str, ...]]:
    given = config.values.get("export_dir")
    if given is None or not given.origin.startswith("--") or not known:
        return []
    place = Path(str(given.value)).resolve()
    return [] if place == Path(known).resolve() else [("--export-dir", str(place))]


def _pairs(words: Sequence[str]) -> list[tuple[str, ...]]:
    """Options with their values: ["--to", "source", "--cancel"] is two options."""
    found: list[tuple[str, ...]] = []
    for word in words:
        if word.startswith("-") or not found:
            found.append((word,))
        else:
            found[-1] = (*found[-1], word)
    return found


def _target(config: Config) -> list[tuple[str, ...]]:
    target = config.place("target")
    if target is None:
        return []
    given = config.values.get("config_file")
    flags: list[tuple[str, ...]] = [("--config-file", str(given.value))] if given is not None else []
    flags.append(("--target-db-host", target.host))
    if target.port != PORTS["yugabytedb"]:
        flags.append(("--target-db-port", str(target.port)))
    flags.append(("--target-db-name", target.database))
    flags.append(("--target-db-user", target.user))
    tls = dict(target.tls)
    flags += [(f"--target-{name.replace('_', '-')}", tls[word]) for name, word in TLS_KEYWORDS.items() if word in tls]
    path = config.values.get("target_db_password_file")
    if path is not None and path.origin.startswith("--"):
        flags.append(("--target-db-password-file", str(path.value)))
    return flags
