"""The YAML configuration file: found, read, and checked key by key."""

from __future__ import annotations

import difflib
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voyager.config.settings import LEGACY_KEYS, LEGACY_SECTIONS, SECTION_ALIASES, SETTINGS
from voyager.errors import UsageError

DEFAULT_FILES = ("./yb-voyager.yaml", "~/.yb-voyager.yaml")
PASSWORD_KEYS = ("password", "db-password")

CommandKeys = Callable[[], Mapping[str, Collection[str]]]
"""Section -> keys that the command of that name takes; asked only when a file is there."""


@dataclass(frozen=True)
class ConfigFile:
    """What the file says: (section, key) -> value; `path` is None when there is no file."""

    path: Path | None = None
    values: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load(given: str | None, *, command_keys: CommandKeys) -> ConfigFile:
    """Read the file that was named, or the first default one that exists."""
    candidates = [given] if given else DEFAULT_FILES
    for candidate in candidates:
        path = Path(candidate).expanduser()
        if given or path.is_file():
            return _read(path, command_keys())
    return ConfigFile()


def _read(path: Path, command_keys: Mapping[str, Collection[str]]) -> ConfigFile:
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"The config file {path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"The config file {path} is not UTF-8 text.") from None
    except yaml.MarkedYAMLError as error:
        # Only the place is told: the lines around it may hold a password.
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise UsageError(f"The config file {path} is not YAML: line {line}: {error.problem}.") from None
    if document is not None and not isinstance(document, dict):
        raise UsageError(f"The config file {path} must hold 'key: value' lines.", _example())
    return _Reader(path, command_keys).read(document or {})


class _Reader:
    """Walks one document; every key is known, aliased, tolerated with a warning, or an error."""

    def __init__(self, path: Path, command_keys: Mapping[str, Collection[str]]) -> None:
        self.path = path
        self.known: dict[str, set[str]] = {section: set(keys) for section, keys in command_keys.items()}
        for setting in SETTINGS:
            if not setting.per_run and setting.name != "config_file":
                section, key = setting.place
                self.known.setdefault(section, set()).add(key)
        for section in ("source", "target"):
            self.known[section].update(PASSWORD_KEYS)
        self.values: dict[tuple[str, str], Any] = {}
        self.warnings: list[str] = []

    def read(self, document: dict[Any, Any]) -> ConfigFile:
        for key, value in document.items():
            name = _spelled(key)
            if isinstance(value, dict):
                self._section(name, value)
            elif value is None and (name in self.known or name in SECTION_ALIASES or name in LEGACY_SECTIONS):
                continue
            else:
                self._put("", name, value)
        self._warn_of_literal_passwords()
        return ConfigFile(self.path, self.values, tuple(self.warnings))

    def _section(self, name: str, body: dict[Any, Any]) -> None:
        if name in LEGACY_SECTIONS:
            self.warnings.append(f"{self.path}: section {name} is not used by these commands.")
            return
        section = SECTION_ALIASES.get(name, name)
        if section not in self.known:
            self._unknown(name, {*self.known, *SECTION_ALIASES} - {""}, "section")
        for key, value in body.items():
            self._put(section, _spelled(key), value)

    def _put(self, section: str, key: str, value: Any) -> None:
        known = self.known.get(section, set())
        where = f"{section}.{key}" if section else key
        if key not in known:
            if key in LEGACY_KEYS.get(section, ()):
                self.warnings.append(f"{self.path}: {where} has no effect here.")
                return
            self._unknown(key, known | (set(self.known) - {""} if not section else set()), "key", where)
        if (section, key) in self.values and self.values[section, key] != value:
            raise UsageError(f"{self.path} gives {where} twice, under an old and a new name.", "Leave one of them.")
        if value is not None:
            self.values[section, key] = value

    def _unknown(self, name: str, known: Collection[str], what: str, where: str = "") -> None:
        nearest = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.5)
        hint = f"Did you mean {nearest[0]}?" if nearest else f"Known here: {', '.join(sorted(known))}."
        if where not in ("", name) and name in self.known.get("", ()):
            hint = f"Write {name} at the top of the file, in no section."
        raise UsageError(f"{self.path} has an unknown {what}: {where or name}.", hint)

    def _warn_of_literal_passwords(self) -> None:
        literal = [f"{section}.{key}" for (section, key), value in self.values.items()
                   if key in PASSWORD_KEYS and isinstance(value, str)]  # fmt: skip
        if not literal:
            return
        if stat.S_IMODE(self.path.stat().st_mode) & 0o077:
            raise UsageError(
                f"{self.path} holds a password ({literal[0]}) and others may read the file.",
                f"Run: chmod 600 {self.path}, or write password: {{file: PATH}}, {{env: NAME}}, {{command: RUN}}.",
            )
        self.warnings.append(
            f"{self.path}: {literal[0]} holds a password in clear; {{file: PATH}} keeps it out of this file."
        )


def _spelled(key: Any) -> str:
    return str(key).strip().replace("_", "-").lower()


def _example() -> str:
    return "`yb-voyager migrate init --write-config` writes one to start from."
