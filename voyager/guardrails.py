"""What keeps a phase from beginning: options that make no sense, and the guardrails of both ends and its own."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from voyager.context import Context
from voyager.errors import BlockersFound, OutOfSpace, PermissionMissing, UsageError, VoyagerError
from voyager.ports import Check
from voyager.wording import counted

_FAILED: dict[int, type[VoyagerError]] = {2: UsageError, 9: PermissionMissing, 10: OutOfSpace}
"""What guardrails that all failed for the same reason amount to; several reasons are blockers."""


def handler(phase_name: str) -> ModuleType:
    """Return the module in voyager/phases that belongs to a phase: its Options and run()."""
    return importlib.import_module(f"voyager.phases.{phase_name.lower()}")


def check_options(phase_name: str, options: Any) -> None:
    """Raise UsageError for options that make no sense whatever the migration and its ends are like."""
    getattr(handler(phase_name), "check_options", lambda _: None)(options)


def preflight(context: Context, phase_name: str, options: Any) -> Iterator[Check]:
    """Ask the guardrails of a phase: the engines', then the phase's own."""
    module = handler(phase_name)
    needs = module.needs(options) if hasattr(module, "needs") else getattr(module, "NEEDS", ())
    if "source" in needs:
        yield from context.source.preflight(phase_name)
    if "target" in needs:
        coming = module.coming(context.record, context.export_dir) if hasattr(module, "coming") else {}
        yield from context.target.preflight(phase_name, **coming)
    if hasattr(module, "preflight"):
        yield from module.preflight(context.record, context.export_dir, options)


def stop_at_errors(checks: tuple[Check, ...], title: str) -> None:
    """Raise what the failed guardrails amount to; every one of them is named, with the SQL that repairs it."""
    errors = [check for check in checks if check.severity == "error"]
    if not errors:
        return
    details = tuple(line for check in errors for line in (check.finding, *check.sql.splitlines()) if line)
    codes = {check.exit_code for check in errors}
    kind = _FAILED.get(min(codes), BlockersFound) if len(codes) == 1 else BlockersFound
    raise kind(
        f"{title} was not started: {counted(len(errors), 'guardrail')} failed.",
        "Repair what is listed (SQL is given where SQL repairs it) and run the same command again.",
        details,
    )
