"""`migrate import file`: registers its migration when it is run first, then runs the phase as every other is run."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from voyager.cli import phase_command
from voyager.cli.ask import with_password
from voyager.cli.emit import Reply
from voyager.cli.invocation import Invocation
from voyager.cli.phase_options import make_options, options_class

if TYPE_CHECKING:
    from voyager.config import Config
    from voyager.runner import Result

PHASE = "IMPORT_FILE"


def answer(path: tuple[str, ...], invocation: Invocation) -> Reply:
    """Find or make the migration that loads files, then load them."""
    found = with_password(lambda config: _find(config, invocation), role="target", invocation=invocation)
    if not isinstance(found, UUID):
        return phase_command.dry_run_reply("Import File", found)
    invocation.__dict__["config"] = invocation.resolved().with_migration(found)
    return phase_command.answer(path, invocation)


def _find(config: Config, invocation: Invocation) -> UUID | Result:
    from voyager.file_registration import find_or_register
    from voyager.runner import Run

    names = set(getattr(options_class(PHASE), "__dataclass_fields__", ()))
    given = {name: value for name, value in invocation.options.items() if name in names}
    options = make_options(PHASE, given=given, config=config, saved={})
    return find_or_register(config, options, Run(warn=invocation.emitter.warn, dry_run=invocation.dry_run))
