"""The config file that `migrate init --write-config` writes: every setting, commented, what was given filled in."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, fields
from typing import Any

from voyager.cli.invocation import Invocation
from voyager.cli.phase_options import OF_OTHER_COMMANDS, options_class, phases, section
from voyager.config.settings import SETTINGS, Setting

HEAD = """\
# Configuration of yb-voyager. Every command reads ./yb-voyager.yaml, then ~/.yb-voyager.yaml, or the file given with
# --config-file. A flag or an environment variable (YB_VOYAGER_TARGET_DB_HOST, …) is stronger than this file.
# Passwords do not belong here: name a file, a variable or a program that holds or prints them.
"""
PASSWORD = """\
  # Where the password comes from: {{file: PATH}}, {{env: NAME}} or {{command: PROGRAM}}; {variable} is stronger.
  # password: {{file: ./{role}.password}}
"""
TOP = ("migration_name", "export_dir", "output", "progress", "outage_budget")
NEVER = ("password_file", "db_password")


def template(invocation: Invocation) -> str:
    """The text of the file. A password that was given is left out."""
    parts = [HEAD]
    parts += [line for name in TOP for line in _setting(_row(name), invocation.given, "")]
    for role in ("source", "target"):
        parts.append(f"\n{role}:\n")
        rows = [row for row in SETTINGS if row.section == role and not row.name.endswith(NEVER)]
        parts += [line for row in rows for line in _setting(row, invocation.given, "  ")]
        parts.append(PASSWORD.format(role=role, variable=f"{role.upper()}_DB_PASSWORD"))
    for name, phase_names in _sections().items():
        body = "".join(line for phase in phase_names for line in _options(phase))
        if body:
            parts.append(f"\n# {name}:\n{body}")
    for name, keys in OF_OTHER_COMMANDS.items():
        parts.append(f"\n# {name}:\n")
        for key, (help, default) in keys.items():
            parts += [*_comment(help, "#   "), f"#   {key}: {default}\n"]
    return "".join(parts)


def _row(name: str) -> Setting:
    return next(row for row in SETTINGS if row.name == name)


def _setting(row: Setting, given: Mapping[str, Any], indent: str) -> Iterator[str]:
    key = row.place[1]
    yield from _comment(row.help, indent)
    value = given.get(row.name)
    yield f"{indent}{key}: {_quoted(value)}\n" if value is not None else f"{indent}# {key}:\n"


def _sections() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for phase in phases().values():
        found.setdefault(section(phase), []).append(phase.name)
    return found


def _options(phase: str) -> Iterator[str]:
    declared = options_class(phase)
    for field in fields(declared) if declared else ():
        if field.metadata.get("per_run") or field.metadata.get("hidden"):
            continue
        default = field.default if field.default not in (MISSING, None, (), "") else ""
        yield from _comment(field.metadata.get("help", ""), "#   ")
        yield f"#   {field.name.replace('_', '-')}: {_quoted(default) if default != '' else ''}".rstrip() + "\n"


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(text, 112):
        yield f"{indent}# {line}\n"


def _quoted(value: Any) -> str:
    """A YAML scalar. JSON's strings are YAML's; plain words and numbers stay as they are."""
    import json

    text = str(value).lower() if isinstance(value, bool) else str(value)
    plain = text.replace("-", "").replace("_", "").replace(".", "").replace("/", "").isalnum()
    return text if plain and not text.startswith("-") else json.dumps(text)
