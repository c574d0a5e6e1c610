"""A phase's Options dataclass becomes flags, keys of the config file, and one value of that class."""

from __future__ import annotations

import importlib
import inspect
import shlex
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from typing import Annotated, Any

import typer

from statemachine.definition import Phase
from statemachine.workflows import WORKFLOWS
from voyager.cli.options import METAVARS, build, prose, remember_option
from voyager.config import Config, Value
from voyager.config.settings import SECTION_ALIASES
from voyager.config.values import convert
from voyager.phases.options import option

RESERVED = frozenset({"yes", "dry_run", "output", "start_clean"})
"""Names that every command has already."""


@dataclass(frozen=True)
class _Every:
    """Options of every phase that can be done over."""

    start_clean: bool = option(
        False, "Undo this phase and all that was built on it, then run it anew. Asks first.", per_run=True
    )


OF_OTHER_COMMANDS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "compare-performance": {
        "threshold": ("From how many times the mean time a query is slower.", "1.2"),
        "min-calls": ("Calls on both sides that it takes to be judged.", "5"),
    }
}
"""Section -> key -> (help, default), for commands that are no phase."""

START_CLEAN = "start_clean"
(_START_CLEAN,) = fields(_Every)


@cache
def phases() -> Mapping[str, Phase]:
    """Every phase of every workflow by name."""
    found: dict[str, Phase] = {}
    for workflow in WORKFLOWS.values():
        for phase in workflow.phases:
            found.setdefault(phase.name, phase)
    return found


def words(phase: Phase) -> tuple[str, ...]:
    """The command of a phase without its options: ("migrate", "export", "data")."""
    found = shlex.split(phase.command)
    return tuple(found[: next((place for place, word in enumerate(found) if word.startswith("-")), len(found))])


def section(phase: Phase) -> str:
    """The section of the config file that holds the phase's options."""
    name = "-".join(words(phase)[1:])
    return SECTION_ALIASES.get(name, name)


def options_class(phase_name: str) -> type | None:
    """The Options of a phase; None for a phase that this version declares and cannot run yet."""
    name = f"voyager.phases.{phase_name.lower()}"
    try:
        return typing.cast(type, importlib.import_module(name).Options)
    except ModuleNotFoundError as missing:
        if missing.name != name:
            raise
        return None


@cache
def parameters(phase_name: str) -> tuple[Any, ...]:
    """The options of a phase as Typer parameters."""
    declared = options_class(phase_name)
    if declared is None:
        return ()
    kinds = typing.get_type_hints(declared)
    own = [_parameter(field, kinds[field.name]) for field in fields(declared) if field.name not in RESERVED]
    if phases()[phase_name].restartable:
        own.append(_parameter(_START_CLEAN, bool))
    return tuple(build(own))


def command_keys() -> dict[str, set[str]]:
    """Section of the config file -> keys that may stand in it."""
    found: dict[str, set[str]] = {name: set(keys) for name, keys in OF_OTHER_COMMANDS.items()}
    for phase in phases().values():
        declared = options_class(phase.name)
        names = [field.name for field in fields(declared) if not field.metadata.get("per_run")] if declared else []
        found.setdefault(section(phase), set()).update(name.replace("_", "-") for name in names)
    return found


def make_options(phase_name: str, *, given: Mapping[str, Value], config: Config, saved: Mapping[str, Any]) -> Any:
    """One value of the phase's Options: flag, else environment, else config file, else what was saved, else default."""
    declared = options_class(phase_name)
    if declared is None:
        return None
    kinds = typing.get_type_hints(declared)
    chosen: dict[str, Any] = {}
    for field in fields(declared):
        value = _choose(field, given=given, config=config, saved=saved, in_section=section(phases()[phase_name]))
        if value is not None:
            chosen[field.name] = convert(value.value, _kind(kinds[field.name]), where=value.origin)
    return declared(**chosen)


def _choose(
    field: Field[Any], *, given: Mapping[str, Value], config: Config, saved: Mapping[str, Any], in_section: str
) -> Value | None:
    if field.name in given:
        return given[field.name]
    if field.metadata.get("per_run"):
        return None
    found = config.command_value(in_section, field.name.replace("_", "-"))
    if found is None and field.name in config.values:
        return config.values[field.name]
    if found is None and saved.get(field.name) is not None:
        return Value(saved[field.name], "the settings saved by the first run")
    return found


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    kind = _kind(annotation)
    flag = "--" + field.name.replace("_", "-")
    default = field.default if field.default is not MISSING else None
    flags = tuple(field.metadata.get("flags") or ())
    if kind == "bool" and not flags:
        flags = (f"{flag}/--no-{flag[2:]}",) if default else (flag,)
    option = typer.Option(
        *(flags or (flag,)),
        help=prose(_help(field.metadata.get("help", ""), default, kind)),
        metavar=None if kind == "bool" else field.metadata.get("metavar") or METAVARS[kind],
        hidden=bool(field.metadata.get("hidden")),
        show_default=False,
        expose_value=False,
        callback=remember_option,
        rich_help_panel="This phase",
    )
    shown: Any = bool | None if kind == "bool" else list[str] | None if field.metadata.get("repeated") else str | None
    return inspect.Parameter(
        field.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[shown, option]
    )


def _help(text: str, default: Any, kind: str) -> str:
    if kind == "bool" or default in (None, (), "") or "default" in text.lower():
        return text
    return f"{text} [default: {default}]"


def _kind(annotation: Any) -> str:
    """The kind of value that an option's type asks for."""
    if isinstance(annotation, types.UnionType):
        annotation = next(part for part in typing.get_args(annotation) if part is not type(None))
    if typing.get_origin(annotation) is tuple:
        return "list"
    return {bool: "bool", int: "int", float: "float"}.get(annotation, "str")
