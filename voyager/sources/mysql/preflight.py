"""The guardrails of a MySQL source: what must be so before it is read, each with the SQL that repairs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from voyager.endpoint import Endpoint
from voyager.ports import Capabilities, Check, Gap

_OLDEST = {"MySQL": (50700, "5.7"), "MariaDB": (100300, "10.3")}
_LOCAL = ("", "localhost", "127.0.0.1", "::1")


def preflight(capabilities: Capabilities, endpoint: Endpoint, *, tls: bool) -> list[Check]:
    return [_version(capabilities), *_tls(endpoint, encrypted=tls)]


def gap_checks(gaps: Iterable[Gap]) -> Iterator[Check]:
    """What an assessment has to do without, as warnings."""
    for place, gap in enumerate(gaps, 1):
        yield Check(f"source_gap_{place}", "warning", f"{gap.what}: {gap.reason} {gap.weakens}".rstrip(), gap.sql)


def _version(capabilities: Capabilities) -> Check:
    product = capabilities.facts["product"]
    number, oldest = _OLDEST[product]
    if capabilities.version_number < number:
        finding = f"The source is {product} {capabilities.version}; {oldest} is the oldest that can be read."
        return Check("source_version", "error", finding)
    return Check("source_version", "ok", f"source is {product} {capabilities.version}")


def _tls(endpoint: Endpoint, *, encrypted: bool) -> Iterator[Check]:
    if not encrypted and endpoint.host not in _LOCAL and not endpoint.host.startswith("/"):
        finding = "The connection to the source is not encrypted; --source-ssl-mode verify-full is what we advise."
        yield Check("source_tls", "warning", finding)
