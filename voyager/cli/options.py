"""Options shared by commands, and Typer commands that take them: before the command's name or after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from voyager.cli.invocation import Invocation
from voyager.config import Value
from voyager.config.settings import (
    ASSESSMENT_DIR,
    ASSESSMENT_SETTINGS,
    COLLECTION_SETTINGS,
    GATE_SETTINGS,
    METADATA_DIR,
    MIGRATION_SETTINGS,
    ORACLE_SETTINGS,
    OUTPUT_SETTINGS,
    RUN_SETTINGS,
    SOURCE_SETTINGS,
    TARGET_SETTINGS,
    TARGET_VERSION,
    Setting,
)

SECTIONS: dict[str, tuple[Setting, ...]] = {
    "target": TARGET_SETTINGS,
    "source": SOURCE_SETTINGS,
    "source-password": tuple(row for row in SOURCE_SETTINGS if row.name == "source_db_password_file"),
    "source-rest": tuple(replace(row, hidden=True) for row in SOURCE_SETTINGS if row.name != "source_db_password_file"),
    "source-type": tuple(row for row in SOURCE_SETTINGS if row.name == "source_db_type"),
    "oracle": ORACLE_SETTINGS,
    "migration": MIGRATION_SETTINGS,
    "config-file": tuple(row for row in MIGRATION_SETTINGS if row.name == "config_file"),
    "assessment": ASSESSMENT_SETTINGS,
    "assessment-dir": (ASSESSMENT_DIR,),
    "metadata-dir": (METADATA_DIR,),
    "target-version": (TARGET_VERSION,),
    "collection": COLLECTION_SETTINGS,
    "gate": GATE_SETTINGS,
    "gate-rest": tuple(replace(row, hidden=True) for row in GATE_SETTINGS),
    "output": OUTPUT_SETTINGS,
    "run": RUN_SETTINGS,
}
_NAMES = frozenset(row.name for rows in SECTIONS.values() for row in rows)
READ = ("migration", "target", "output", "gate-rest")
"""For commands that only look."""
PHASE = ("migration", "target", "run", "output", "source-password", "source-rest")
"""For phases: the source is known since init; its password is not kept anywhere."""
EVERYTHING = ("migration", "target", "source", "run", "output", "gate-rest")
"""For commands that do something, and for groups, which pass on what they were given."""

METAVARS = {"int": "N", "float": "N", "path": "PATH", "list": "LIST", "uuid": "UUID", "str": "TEXT"}

ALIAS = "__alias"

Parameters = Callable[[], Sequence[Any]]


def command(*sections: str, options: Parameters | None = None) -> type[TyperCommand]:
    """A command class that takes the settings of `sections`, and `options` of its own, built when it is used."""

    class Command(TyperCommand):
        def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
            return _with_shared(super().get_params(ctx), options, sections, hidden=False)

    return Command


def group(
    *sections: str, options: Parameters | None = None, hidden: bool = True, order: tuple[str, ...] = ()
) -> type[TyperGroup]:
    """A group class that takes the settings of `sections` and hands them to the command that follows. Its help lists
    commands in `order`."""

    class Group(TyperGroup):
        def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
            names = super().list_commands(ctx)
            return sorted(names, key=lambda name: order.index(name) if name in order else len(order))

        def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
            return _with_shared(super().get_params(ctx), options, sections, hidden=hidden)

    return Group


def prose(text: str | None, *examples: str) -> str:
    """Help text for Typer: each paragraph one line, brackets as they are, examples each on its own line."""
    paragraphs = [" ".join(part.split()) for part in (text or "").split("\n\n")]
    if examples:
        paragraphs += ["Examples:", *examples]
    return "\n\n".join(paragraphs).replace("[", "\\[")


def _with_shared(own: list[Any], options: Parameters | None, sections: tuple[str, ...], *, hidden: bool) -> list[Any]:
    for parameter in own:
        if type(parameter) in _LIGHT:
            parameter.__class__ = _LIGHT[type(parameter)]
    mine = [*own[:-1], *(options() if options else ())]
    named = {flag for parameter in mine for flag in parameter.opts}
    return [*mine, *(one for one in shared(sections, hidden) if not named.intersection(one.opts)), own[-1]]


@cache
def shared(sections: tuple[str, ...], hidden: bool) -> tuple[Any, ...]:
    """The parameters of settings; each puts what it was given into the invocation, and nothing into the command."""
    rows = [setting for section in sections for setting in SECTIONS[section]]
    aliases = [
        replace(row, name=row.name + ALIAS, flags=row.aliases, aliases=(), hidden=True) for row in rows if row.aliases
    ]
    return tuple(build(_parameter(setting, hidden) for setting in (*rows, *aliases)))


def build(parameters: Iterable[inspect.Parameter]) -> list[Any]:
    """Let Typer make its parameters from a signature."""

    def callback(**_: Any) -> None: ...

    callback.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    application = typer.Typer(add_completion=False)
    application.command()(callback)
    made: list[Any] = list(typer.main.get_command(application).params)
    for parameter in made:
        parameter.__class__ = _AsTyped
    return made


def _costs_nothing(parameter: TyperOption | TyperArgument, value: Any) -> bool:
    """Whether a value is what it should be: not given, or a text. Typer would load pydantic and build a converter for
    each parameter, which takes longer than all the rest of --help."""
    if value is None:
        return not parameter.required
    return isinstance(value, str) and parameter.type_descriptor.annotation is str


class _LightOption(TyperOption):
    """An option that costs nothing where it was not given, or is a text."""

    def process_value(self, ctx: typer.Context, value: Any) -> Any:  # type: ignore[override]
        if not _costs_nothing(self, value):
            return super().process_value(ctx, value)
        return self.callback(ctx, self, value) if self.callback is not None else value


class _LightArgument(TyperArgument):
    """An argument that costs nothing where it was not given, or is a text."""

    def process_value(self, ctx: typer.Context, value: Any) -> Any:  # type: ignore[override]
        if not _costs_nothing(self, value):
            return super().process_value(ctx, value)
        return self.callback(ctx, self, value) if self.callback is not None else value


_LIGHT: Mapping[type, type] = {TyperOption: _LightOption, TyperArgument: _LightArgument}


class _AsTyped(_LightOption):
    """An option kept as it was typed: `voyager.config.values.convert` makes values of all, wherever they come from."""

    def process_value(self, ctx: typer.Context, value: Any) -> Any:  # type: ignore[override]
        return self.callback(ctx, self, value) if self.callback is not None else value


def _parameter(setting: Setting, hidden: bool) -> inspect.Parameter:
    option = typer.Option(
        *(setting.flags or (setting.flag,)),
        help=prose(_help(setting)),
        metavar=None if setting.kind == "bool" else setting.metavar or METAVARS[setting.kind],
        rich_help_panel=setting.panel,
        hidden=hidden or setting.hidden,
        show_default=False,
        expose_value=False,
        callback=_remember,
    )
    kind: Any = bool | None if setting.kind == "bool" else str | None
    return inspect.Parameter(
        setting.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind, option]
    )


def _help(setting: Setting) -> str:
    outside = [variable for variable in setting.environment if variable.startswith("PG")]
    return f"{setting.help} Also: {outside[0]}." if outside else setting.help


def _remember(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> None:
    if value is not None and isinstance(context.obj, Invocation) and parameter.name:
        context.obj.given[parameter.name.removesuffix(ALIAS)] = value


def remember_option(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> None:
    """Keep an option of a phase beside the shared settings."""
    if value not in (None, (), []) and isinstance(context.obj, Invocation) and parameter.name:
        context.obj.options[parameter.name] = Value(value, parameter.opts[0])
        if parameter.name in _NAMES:
            context.obj.given[parameter.name] = value
