"""Questions to a person. Where nobody can answer, nothing is asked: the command ends with exit code 7."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

from voyager.cli.invocation import Invocation
from voyager.config import Config
from voyager.errors import ConfirmationNeeded, PermissionMissing
from voyager.identifiers import visible

Answer = TypeVar("Answer")


def confirm(question: str, invocation: Invocation) -> bool:
    """Ask on the terminal; the default is no. Raises ConfirmationNeeded without a terminal."""
    if not invocation.interactive:
        raise ConfirmationNeeded(question, "Nobody can answer here: add --yes to the command.")
    print(f"{visible(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def with_confirmation(act: Callable[[bool], Answer], invocation: Invocation) -> Answer:
    """Run `act(confirmed)`; what it wants to have confirmed is asked, and it runs once more with the answer."""
    try:
        return act(invocation.yes)
    except ConfirmationNeeded as needed:
        if invocation.yes or not invocation.interactive:
            raise
        if not confirm(f"{needed.message} Go on?", invocation):
            raise ConfirmationNeeded("Not confirmed; nothing was changed.") from None
        return act(True)


def with_password(act: Callable[[Config], Answer], role: str, invocation: Invocation) -> Answer:
    """Run `act(config)`; where `role` wants a password that nobody gave, ask for it on the terminal and run again."""
    config = invocation.resolved()
    try:
        return act(config)
    except PermissionMissing as refused:
        wanted = "password" in refused.message.lower()
        if not wanted or not invocation.interactive or config.password(role) is not None:
            raise
        endpoint = config.place(role)
        import getpass

        place = f" for {endpoint.user} at {endpoint.url}" if endpoint else ""
        config = config.with_password(role, getpass.getpass(f"Password of the {role} database{visible(place)}: "))
        invocation.__dict__["config"] = config
        return act(config)
