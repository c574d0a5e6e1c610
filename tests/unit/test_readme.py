"""README.md tells what the product is: its generated parts are those of the code, its words those of the glossary."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from voyager.cli.app import application

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_parts_are_what_the_code_says(generate: ModuleType) -> None:
    assert README.count("<!-- generated: ") == len(generate.PARTS)
    assert generate.generated(README) == README, "make docs"


def test_a_stale_part_is_noticed(generate: ModuleType) -> None:
    stale = README.replace("├── migrate", "├── migrated", 1)
    assert stale != README
    assert generate.generated(stale) != stale


def commands(command: Any, path: str) -> list[tuple[str, Any]]:
    children = getattr(command, "commands", {})
    return [(path, command), *(pair for name, child in children.items() for pair in commands(child, f"{path} {name}"))]


@pytest.mark.parametrize(("path", "command"), commands(typer.main.get_command(application()), "yb-voyager"))
def test_every_command_has_help_that_is_a_sentence(path: str, command: Any) -> None:
    text = (command.help or "").strip()
    assert text, path
    assert text[0].isupper(), path
    assert "." in text, path


def test_every_link_of_the_page_leads_to_a_file() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
