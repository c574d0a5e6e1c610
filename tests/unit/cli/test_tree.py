"""The command tree comes from the tables: every phase has its command, every command follows one convention."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest
import typer

from statemachine.workflows import OFFLINE
from voyager.cli.app import application
from voyager.cli.invocation import Invocation
from voyager.cli.phase_options import make_options, options_class, phases, words
from voyager.config import Value, resolve
from voyager.errors import UsageError

ROOT = typer.main.get_command(application())


def commands(group: Any = ROOT, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, command in group.commands.items():
        yield (*path, name), command
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))


EVERY = dict(commands())
DONE_BY_ITSELF = ("demo", "version")


def parse(*arguments: str) -> tuple[tuple[str, ...], Invocation]:
    """Which command a line reaches, and what it was told, without running it."""
    invocation = Invocation(arguments=arguments, environment={})
    context = ROOT.make_context("yb-voyager", list(arguments), obj=invocation)
    path: tuple[str, ...] = ()
    while True:
        rest = [*context._protected_args, *context.args]
        if not rest or not hasattr(context.command, "commands"):
            return path, invocation
        name, command, rest = context.command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)
        path = (*path, name)


@pytest.mark.parametrize("phase", OFFLINE.phases, ids=lambda phase: phase.name)
def test_every_phase_of_the_offline_workflow_has_its_command(phase):
    assert words(phase) in EVERY
    assert options_class(phase.name) is not None


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_help_and_takes_the_output_option(path):
    command = EVERY[path]
    assert command.help
    context = typer.Context(command, info_name=path[-1])
    flags = {flag for parameter in command.get_params(context) for flag in parameter.opts}
    assert "--output" in flags
    if path[0] == "migrate":
        assert {"--target-db-host", "--migration-name", "--config-file"} <= flags


@pytest.mark.parametrize("phase", OFFLINE.phases, ids=lambda phase: phase.name)
def test_a_command_that_changes_something_can_be_answered_and_shown_beforehand(phase):
    context = typer.Context(EVERY[words(phase)])
    flags = {flag for parameter in EVERY[words(phase)].get_params(context) for flag in parameter.opts}
    assert {"--yes", "--dry-run"} <= flags
    declared = {"--" + field.name.replace("_", "-") for field in fields(options_class(phase.name))}
    assert declared <= flags
    assert ("--start-clean" in flags) == phase.restartable


@pytest.mark.parametrize(
    "line",
    [
        "migrate export data --target-db-host h status",
        "migrate --target-db-host h export data status",
        "--target-db-host h migrate export data status",
        "migrate export data status --target-db-host h",
    ],
)
def test_an_option_reaches_the_command_from_wherever_it_stands(line):
    path, invocation = parse(*line.split())
    assert path == ("migrate", "export", "data", "status")
    assert invocation.given == {"target_db_host": "h"}


def test_the_later_of_two_values_wins():
    _, invocation = parse("-o", "json", "migrate", "status", "-o", "table")
    assert invocation.given["output"] == "table"


def test_both_spellings_of_the_tls_options_are_understood():
    _, invocation = parse("migrate", "status", "--target-db-ssl-mode", "require")
    assert invocation.given == {"target_ssl_mode": "require"}


def test_options_of_a_phase_become_its_options():
    _, invocation = parse("migrate", "export", "data", "--parallel-jobs", "3", "--table-list", 'a.*,"B,c".d')
    config = resolve(invocation.given, environment={})
    made = make_options("EXPORT_DATA", given=invocation.options, config=config, saved={})
    assert made.parallel_jobs == 3
    assert made.table_list == ("a.*", '"B,c".d')


def test_an_option_of_a_phase_comes_from_flag_environment_saved_or_default_in_this_order():
    environment = {"YB_VOYAGER_EXPORT_DATA_PARALLEL_JOBS": "5"}
    given = {"parallel_jobs": Value("3", "--parallel-jobs")}
    saved = {"parallel_jobs": 7}

    def jobs(flags, variables, kept):
        config = resolve({}, environment=variables)
        return make_options("EXPORT_DATA", given=flags, config=config, saved=kept).parallel_jobs

    assert jobs(given, environment, saved) == 3
    assert jobs({}, environment, saved) == 5
    assert jobs({}, {}, saved) == 7
    assert jobs({}, {}, {}) == options_class("EXPORT_DATA")().parallel_jobs


def test_a_value_that_is_no_number_names_its_flag():
    config = resolve({}, environment={})
    with pytest.raises(UsageError, match="--parallel-jobs is 'many'"):
        make_options("EXPORT_DATA", given={"parallel_jobs": Value("many", "--parallel-jobs")}, config=config, saved={})


def test_phases_are_known_by_the_names_people_type():
    from voyager.cli.next import phase_name

    assert phase_name("export-data") == phase_name("EXPORT_DATA") == phase_name("Export Data") == "EXPORT_DATA"
    with pytest.raises(UsageError) as refused:
        phase_name("VERFY")
    assert "VERIFY" in refused.value.hint
    assert set(phases()) > {"VERIFY"}
