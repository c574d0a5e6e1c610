"""What operators decide about work that runs: its options as they are now, and whether it is paused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

EVERYTHING = "*"
"""In the place of a phase: the whole migration."""


@dataclass(frozen=True)
class Pause:
    """Somebody asked the work to hold still. `phase` is None when the whole migration is paused."""

    phase: str | None
    since: datetime
    by: str

    @property
    def says(self) -> str:
        """`paused since 2026-11-22 14:02:11 UTC by ann@host 12`."""
        return f"paused since {self.since:%Y-%m-%d %H:%M:%S} UTC by {self.by}"

    @property
    def ends_with(self) -> str:
        """The command that ends it."""
        return "migrate resume" if self.phase is None else f"migrate resume {self.phase}"


@dataclass(frozen=True)
class Steering:
    """What a running phase has to follow. `options` are those saved for the phase, None while nothing was read."""

    options: Mapping[str, Any] | None = None
    pause: Pause | None = None


def pauses(settings: Mapping[str, Any]) -> tuple[Pause, ...]:
    """Every pause in force, that of the whole migration first."""
    return tuple(
        Pause(None if scope == EVERYTHING else scope, datetime.fromisoformat(entry["since"]), entry["by"])
        for scope, entry in sorted((settings.get("paused") or {}).items(), key=lambda item: item[0] != EVERYTHING)
    )


def pause_of(settings: Mapping[str, Any], phase: str) -> Pause | None:
    """The pause that holds a phase."""
    return next((pause for pause in pauses(settings) if pause.phase in (None, phase)), None)


def steering_of(settings: Mapping[str, Any], phase: str) -> Steering:
    return Steering((settings.get("options") or {}).get(phase) or {}, pause_of(settings, phase))


@dataclass(frozen=True)
class Changed:
    """What a change came to: the pauses that it made or ended; `already` when it was so before."""

    pauses: tuple[Pause, ...] = field(default_factory=tuple)
    already: bool = False
