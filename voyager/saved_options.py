"""The options of a phase that are kept with the migration, so that a later run need not be told again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from voyager.context import Context, actor
from voyager.errors import LimitTooLow, NotAllowed, UsageError
from voyager.store.record import MigrationRecord


def saved_options(record: MigrationRecord, phase_name: str) -> dict[str, Any]:
    """What the first run of a phase was told."""
    saved = record.settings.get("options", {}).get(phase_name, {})
    return {name: tuple(value) if isinstance(value, list) else value for name, value in saved.items()}


@contextmanager
def kept(context: Context, phase_name: str, options: Any) -> Iterator[None]:
    """Keep what differs from the defaults; options of a single run (--start-clean, overrides) are not kept.

    When the phase refuses what it was told, what it was told before counts again.
    """
    before = context.record.settings.get("options", {}).get(phase_name, {})
    told = {
        one.name: getattr(options, one.name)
        for one in fields(options)
        if not one.metadata.get("per_run") and getattr(options, one.name) != one.default
    }
    _save(context, phase_name, told)
    try:
        yield
    except (NotAllowed, UsageError, LimitTooLow):
        _save(context, phase_name, before)
        raise


def _save(context: Context, phase_name: str, kept: dict[str, Any]) -> None:
    if context.record.settings.get("options", {}).get(phase_name, {}) != kept:
        context.store.controls.keep_options(context.record.migration_uuid, phase_name, kept, actor=actor())
        context.refresh()
