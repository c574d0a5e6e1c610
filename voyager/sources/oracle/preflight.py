"""The guardrails of an Oracle database that is assessed: what must be so, and what its user may not see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from voyager.endpoint import Endpoint
from voyager.identifiers import Identifier, visible
from voyager.ports import Capabilities, Check, Question
from voyager.sources.oracle.metadata import gaps

OLDEST = 120100
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def preflight(endpoint: Endpoint, capabilities: Capabilities, refused: Sequence[Question]) -> list[Check]:
    """The checks, those of what can be done without as warnings. `refused` are questions that got no answer."""
    user = str(capabilities.facts["role"])
    return [
        _version(capabilities),
        *_dictionary(capabilities, user),
        *_refused(refused, user),
        *_tls(endpoint, capabilities),
    ]


def version_number(version: str) -> int:
    """`19.3.0.0.0` -> 190300: comparable, two digits a part."""
    numbers = [int(number) for number in version.split(".") if number.isdigit()] + [0, 0, 0]
    return numbers[0] * 10000 + numbers[1] * 100 + numbers[2]


def grants(views: Sequence[str], user: str) -> list[str]:
    """What allows a user to read dictionary views, one statement a view."""
    return [f"GRANT SELECT ON SYS.{_object(view)} TO {Identifier(user).sql};" for view in views if user]


def _object(view: str) -> str:
    """The object behind a public synonym: privileges on V$… are granted on V_$…."""
    return view.upper().replace("V$", "V_$", 1) if view.lower().startswith("v$") else view.upper()


def _version(capabilities: Capabilities) -> Check:
    shown = visible(str(capabilities.facts.get("version") or capabilities.version))
    if capabilities.version_number < OLDEST:
        return Check("source_version", "error", f"The source is {shown}; Oracle 12.1 is the oldest that can be read.")
    return Check("source_version", "ok", f"source is {shown}")


def _dictionary(capabilities: Capabilities, user: str) -> Iterator[Check]:
    found = gaps(capabilities.facts)
    for gap in found:
        yield Check("source_dictionary", "warning", f"{gap.reason} {gap.weakens}", gap.sql)
    if not found:
        yield Check("source_dictionary", "ok", f"user {visible(user)} may read the whole dictionary")


def _refused(refused: Sequence[Question], user: str) -> Iterator[Check]:
    for question in refused:
        finding = f"No answer to: {question.what}. {question.weakens}".rstrip()
        sql = question.grant.format(role=Identifier(user).sql)
        yield Check(f"source_{question.name.replace('-', '_')}", "warning", finding, sql)


def _tls(endpoint: Endpoint, capabilities: Capabilities) -> Iterator[Check]:
    if capabilities.facts.get("protocol") == "tcp" and endpoint.host not in _LOCAL:
        yield Check(
            "source_tls", "warning", "The connection to the source is not encrypted; a TCPS listener is advised."
        )
