"""Options shared by commands, and Typer commands that take them: before the command's name or after it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import cache
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from voyager.cli.invocation import Invocation
from voyager.config import Value
from voyager.config.settings import (
    MIGRATION_SETTINGS,
    OUTPUT_SETTINGS,
    RUN_SETTINGS,
    SOURCE_SETTINGS,
    TARGET_SETTINGS,
    Setting,
)

SECTIONS: dict[str, tuple[Setting, ...]] = {
    "target": TARGET_SETTINGS,
    "source": SOURCE_SETTINGS,
    "migration": MIGRATION_SETTINGS,
    "output": OUTPUT_SETTINGS,
    "run": RUN_SETTINGS,
}
READ = ("migration", "target", "output")
"""For commands that only look."""
EVERYTHING = ("migration", "target", "source", "run", "output")
"""For commands that do something, and for groups, which pass on what they were given."""

METAVARS = {"int": "N", "float": "N", "path": "PATH", "list": "LIST", "uuid": "UUID", "str": "TEXT"}

Parameters = Callable[[], "list[Any]"]


def command(*sections: str, options: Parameters | None = None) -> type[TyperCommand]:
    """A command class that takes the settings of `sections`, and `options` of its own, built when it is used."""

    class Command(TyperCommand):
        def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
            return _with_shared(super().get_params(ctx), options, sections, hidden=False)

    return Command


def group(*sections: str, options: Parameters | None = None, hidden: bool = True) -> type[TyperGroup]:
    """A group class that takes the settings of `sections` and hands them to the command that follows."""

    class Group(TyperGroup):
        def get_params(self, ctx: typer.Context) -> list[Any]:  # type: ignore[override]
            return _with_shared(super().get_params(ctx), options, sections, hidden=hidden)

    return Group


def _with_shared(own: list[Any], options: Parameters | None, sections: Iterable[str], *, hidden: bool) -> list[Any]:
    named = {flag for parameter in own for flag in parameter.opts}
    extra = [*(options() if options else ()), *shared(tuple(sections), hidden)]
    return [*own[:-1], *(one for one in extra if not named.intersection(one.opts)), own[-1]]


@cache
def shared(sections: tuple[str, ...], hidden: bool) -> tuple[Any, ...]:
    """The parameters of settings; each puts what it was given into the invocation, and nothing into the command."""
    rows = [setting for section in sections for setting in SECTIONS[section]]
    return tuple(build(_parameter(setting, hidden) for setting in rows))


def build(parameters: Iterable[inspect.Parameter]) -> list[Any]:
    """Let Typer make its parameters from a signature."""

    def callback(**_: Any) -> None: ...

    callback.__signature__ = inspect.Signature(list(parameters))  # type: ignore[attr-defined]
    application = typer.Typer(add_completion=False)
    application.command()(callback)
    return list(typer.main.get_command(application).params)


def _parameter(setting: Setting, hidden: bool) -> inspect.Parameter:
    option = typer.Option(
        *(setting.flags or (setting.flag,)),
        help=_help(setting),
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
        context.obj.given[parameter.name] = value


def remember_option(context: typer.Context, parameter: typer.CallbackParam, value: Any) -> None:
    """Keep an option of a phase beside the shared settings."""
    if value is not None and isinstance(context.obj, Invocation) and parameter.name:
        context.obj.options[parameter.name] = Value(value, parameter.opts[0])
