"""The `migrate` commands: one for every row of the workflow tables, and those that look."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import typer

from statemachine.definition import Phase
from voyager.cli import control, import_file, initialize, looks, performance, phase_command
from voyager.cli import next as next_step
from voyager.cli.emit import Reply, finish
from voyager.cli.invocation import Invocation
from voyager.cli.options import EVERYTHING, PHASE, command, group, prose
from voyager.cli.phase_options import parameters, phases, words

GROUP_HELP = {
    (): "Move one database to YugabyteDB, step by step. Start with `init`, then ask `next`.",
    ("export",): "Export the schema or the data of the source.",
    ("import",): "Import the schema, the data or files into the target.",
    ("cutover",): "Hand the application over to the target.",
}
EXAMPLES = {
    "INITIALIZE": (
        "yb-voyager migrate init --source-db-uri postgresql://reader@db1/shop --target-db-uri postgresql://me@yb1:5433/shop",
        "yb-voyager migrate init --config-file shop.yaml --until VERIFY --yes --output json",
        "yb-voyager migrate init --write-config",
        "yb-voyager migrate init --dry-run",
    ),
    "EXPORT_DATA": (
        "yb-voyager migrate export data --target-db-host yb1 --migration-name shop",
        "yb-voyager migrate export data --parallel-jobs 8 --exclude-table-list 'audit.*,public.log_*'",
        "yb-voyager migrate export data status",
    ),
    "IMPORT_DATA": (
        "yb-voyager migrate import data --target-db-host yb1 --migration-name shop",
        "yb-voyager migrate import data status --output json",
    ),
    "IMPORT_FILE": (
        "yb-voyager migrate import file --target-db-host yb1 --has-header --file-table-map '/data/orders*.csv:orders'",
        "yb-voyager migrate import file --data-dir s3://bucket/dump --format text --file-table-map 'o/*.gz:orders'",
        "yb-voyager migrate import file status",
    ),
    "VERIFY": (
        "yb-voyager migrate verify --target-db-host yb1 --migration-name shop",
        "yb-voyager migrate verify --max-duration 2h --max-load 20 --parallel-jobs 8",
        "yb-voyager migrate verify --since 'updated_at>=2026-11-01' --show-values",
    ),
    "CUTOVER": (
        "yb-voyager migrate cutover initiate --dry-run",
        "yb-voyager migrate cutover initiate --verify-max-age 24",
        "yb-voyager migrate cutover initiate --yes",
    ),
}


def migrate() -> typer.Typer:
    """Build the command tree from the tables."""
    tree = _Tree()
    looks.register(tree.group(()))
    next_step.register(tree.group(()))
    performance.register(tree.group(()))
    control.register(tree.group(()))
    for phase in phases().values():
        tree.add(phase)
    looks.register_reports(tree.group(("export", "data")), "EXPORT_DATA")
    looks.register_reports(tree.group(("import", "data")), "IMPORT_DATA")
    looks.register_reports(tree.group(("import", "file")), "IMPORT_FILE")
    looks.register_cutover(tree.group(("cutover",)))
    return tree.group(())


class _Tree:
    """Groups by path, made when the first command below them is added."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, ...], typer.Typer] = {}
        self._commands: set[tuple[str, ...]] = set()

    def group(self, path: tuple[str, ...]) -> typer.Typer:
        """The group at `path` below `migrate`."""
        if path not in self._groups:
            self._groups[path] = typer.Typer(
                cls=group(*EVERYTHING, order=_order(path)), help=GROUP_HELP.get(path, ""), no_args_is_help=True,
                add_completion=False, rich_markup_mode="rich",
            )  # fmt: skip
            if path:
                self.group(path[:-1]).add_typer(self._groups[path], name=path[-1], rich_help_panel=STEPS)
        return self._groups[path]

    def add(self, phase: Phase) -> None:
        """Add the command of a phase; the first phase with a path gives it its help and its options."""
        path = words(phase)
        if path in self._commands:
            return
        self._commands.add(path)
        below = path[1:]
        if below == ("init",):
            initialize.register(self.group(()), help=_help(phase), short_help=phase.summary, panel=STEPS)
        elif below in HAS_REPORT:
            self._add_group(phase, below)
        else:
            self._add_command(phase, below)

    def _add_command(self, phase: Phase, path: tuple[str, ...]) -> None:
        self.group(path[:-1]).command(
            path[-1], cls=command(*PHASE, _gate(phase), options=partial(parameters, phase.name)), help=_help(phase),
            rich_help_panel=STEPS, short_help=phase.summary,
        )(_callback(_answer(phase)))  # fmt: skip

    def _add_group(self, phase: Phase, path: tuple[str, ...]) -> None:
        """A command with commands below it: `migrate export data` runs, `migrate export data status` reports."""
        application = typer.Typer(
            cls=group(*PHASE, _gate(phase), options=partial(parameters, phase.name), hidden=False),
            invoke_without_command=True, add_completion=False, help=_help(phase), short_help=phase.summary,
            rich_markup_mode="rich", subcommand_metavar="[status]",
        )  # fmt: skip
        application.callback()(_callback(_answer(phase)))
        self._groups[path] = application
        self.group(path[:-1]).add_typer(application, name=path[-1], rich_help_panel=STEPS)


STEPS = "Steps, in their order"
HAS_REPORT = (("export", "data"), ("import", "data"), ("import", "file"))
"""Commands that have a `status` below them."""


def _order(path: tuple[str, ...]) -> tuple[str, ...]:
    """The commands below a path: those that look, then the steps as the tables have them."""
    below = [words(phase)[1:] for phase in phases().values()]
    steps = [found[len(path)] for found in below if found[: len(path)] == path and len(found) > len(path)]
    return (*looks.NAMES, performance.NAME, *control.NAMES, *dict.fromkeys(steps))


def _gate(phase: Phase) -> str:
    """The limits of a verification are shown where they decide; understood everywhere, for what comes next depends on
    them."""
    return "gate" if "verified" in phase.when else "gate-rest"


def _answer(phase: Phase) -> Callable[[Invocation], Reply]:
    """What a phase's command does; an import of files begins its own migration."""
    return partial((import_file if phase.name == import_file.PHASE else phase_command).answer, words(phase))


def _callback(answer: Callable[[Invocation], Reply]) -> Callable[[typer.Context], None]:
    def callback(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            finish(answer(context.obj), context.obj)

    return callback


def _help(phase: Phase) -> str:
    """Help of a phase: what it does, its hints, examples."""
    plain = f"yb-voyager {phase.command} --target-db-host yb1 --migration-name shop"
    return prose("\n\n".join((phase.summary, *phase.tips)), *EXAMPLES.get(phase.name, (plain,)))
