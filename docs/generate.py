"""Writes the generated parts of README.md: command tree, state diagram, exit codes. `--check` only compares.

Run it with `make docs`. A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from statemachine.diagram import mermaid
from statemachine.workflows import OFFLINE
from voyager import errors
from voyager.cli.app import application

README = Path(__file__).resolve().parent.parent / "README.md"


def command_tree() -> str:
    """Every command with the first sentence of its help."""
    root = typer.main.get_command(application())
    lines = list(_branch(root, ""))
    width = max(len(line) for line, _ in lines) + 2
    body = "\n".join(f"{line:<{width}}{help}".rstrip() for line, help in lines)
    return f"```\nyb-voyager\n{body}\n```"


def _branch(command: Any, indent: str) -> Iterator[tuple[str, str]]:
    names = command.list_commands(typer.Context(command)) if hasattr(command, "commands") else []
    children = [child for child in map(command.commands.get, names) if not child.hidden] if names else []
    for place, child in enumerate(children):
        last = place == len(children) - 1
        yield f"{indent}{'└── ' if last else '├── '}{child.name}", _first_sentence(child.help or "")
        yield from _branch(child, indent + ("    " if last else "│   "))


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _first_sentence(help: str) -> str:
    text = " ".join(help.split())
    return re.split(r"(?<=\.)\s", text, maxsplit=1)[0].removesuffix(".")


def state_diagram() -> str:
    return f"```mermaid\n{mermaid(OFFLINE).strip()}\n```"


def exit_codes() -> str:
    """The codes of the errors as they are declared, with each one's first sentence."""
    found: dict[int, list[str]] = {0: ["done"]}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, errors.VoyagerError) and kind.__doc__:
            meaning = "an internal error: a bug" if kind is errors.VoyagerError else kind.__doc__.splitlines()[0]
            found.setdefault(kind.exit_code, []).append(_first_sentence(meaning))
    rows = (f"| {code} | {'; '.join(dict.fromkeys(map(_lowered, said)))} |" for code, said in sorted(found.items()))
    return "\n".join(["| code | meaning |", "|---|---|", *rows])


PARTS = {"command tree": command_tree, "state diagram": state_diagram, "exit codes": exit_codes}


def generated(text: str) -> str:
    """The page with every part made anew; KeyError for a part that nothing makes."""

    def fill(match: re.Match[str]) -> str:
        return f"<!-- generated: {match[1]} -->\n{PARTS[match[1]]()}\n<!-- end -->"

    return re.sub(r"<!-- generated: (.+?) -->\n.*?<!-- end -->", fill, text, flags=re.DOTALL)


def main() -> None:
    text = README.read_text(encoding="utf-8")
    fresh = generated(text)
    if "--check" in sys.argv:
        raise SystemExit(fresh != text and "README.md is out of date: make docs")
    README.write_text(fresh, encoding="utf-8")


if __name__ == "__main__":
    main()
