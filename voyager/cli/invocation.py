"""Invocation: what one command line said, and everything a command needs to answer it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from voyager.config import Config, Value, resolve
from voyager.config.values import TRUE
from voyager.errors import UsageError
from voyager.identifiers import visible

if TYPE_CHECKING:
    from uuid import UUID

    from voyager.cli.emit import Emitter


@dataclass
class Invocation:
    """The flags given so far; groups put theirs in before the command does, so an option reaches all below."""

    given: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Value] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @cached_property
    def config(self) -> Config:
        from voyager.cli.phase_options import command_keys

        return _with_memory(resolve(self.given, environment=self.environment, command_keys=command_keys))

    @cached_property
    def emitter(self) -> Emitter:
        from voyager.cli.emit import Emitter

        return Emitter(wants_json=self.wants_json, color=not self.no_color)

    @property
    def wants_json(self) -> bool:
        """Whether a program reads stdout; told even where the configuration itself is what is wrong."""
        if "config" in self.__dict__:
            return bool(self.config.get("output") == "json")
        if "output" in self.given:
            return bool(self.given["output"] == "json")
        return _asks_for_json(self.arguments) or self.environment.get("YB_VOYAGER_OUTPUT") == "json"

    @property
    def no_color(self) -> bool:
        said = self.given.get("no_color") or self.environment.get("YB_VOYAGER_NO_COLOR", "").lower() in TRUE
        return bool(said or self.environment.get("NO_COLOR") or self.environment.get("TERM") == "dumb")

    @property
    def debug(self) -> bool:
        return bool(self.given.get("debug"))

    @property
    def yes(self) -> bool:
        return bool(self.given.get("yes"))

    @property
    def dry_run(self) -> bool:
        return bool(self.given.get("dry_run"))

    @property
    def interactive(self) -> bool:
        """Whether a question can be asked: a terminal on both sides."""
        return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()

    def resolved(self) -> Config:
        """The configuration, with its warnings told once."""
        first = "config" not in self.__dict__
        config = self.config
        if first:
            if self.wants_json != self.emitter.wants_json:
                del self.__dict__["emitter"]
            for sentence in config.warnings:
                self.emitter.warn(sentence)
        return config

    def settle_on(self, migration: UUID) -> None:
        """From here on be about this migration, which the command itself has just registered."""
        self.__dict__["config"] = self.resolved().with_migration(migration)


def _with_memory(config: Config) -> Config:
    """What export-dir remembers of its migration, where the command line does not say which one or where it is."""
    if config.export_dir is None or ((config.migration_name or config.migration_uuid) and config.endpoint("target")):
        return config
    from voyager.store.cache import RECORD, read_cache

    record = read_cache(config.export_dir / RECORD)
    if record is None:
        return config
    if config.migration_name not in (None, record.name):
        if config.place("target") is None:
            raise UsageError(
                f"{visible(str(config.export_dir))} belongs to migration {record.name}, not to "
                f"{visible(config.migration_name)}, and nothing else says where the target database is.",
                "Leave --migration-name out to mean that one; for another give its own --export-dir, or "
                "--target-db-host (and --target-db-name).",
            )
        return config
    found = config.with_target(record.target)
    return found if found.migration_name or found.migration_uuid else found.with_migration(record.migration_uuid)


def _asks_for_json(arguments: tuple[str, ...]) -> bool:
    """Find `-o json` on a command line that could not be parsed."""
    joined = " ".join(arguments)
    pairs = pairwise(arguments)
    return (
        "--output=json" in joined
        or "-ojson" in arguments
        or any(flag in ("-o", "--output") and value == "json" for flag, value in pairs)
    )
