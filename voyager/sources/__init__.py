"""The engines we read from: one package each, found by the name of the endpoint's engine."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.ports import Source

ENGINES: Mapping[str, str] = {
    "postgresql": "voyager.sources.postgresql.source:PostgresSource",
}
"""Engine name -> "module:class" of its Source. A new engine is a row here and a package beside this file."""


def open_source(endpoint: Endpoint) -> Source:
    """Return the Source for `endpoint`; it connects when first asked something.

    Raises UsageError for an engine that cannot be a source.
    """
    if endpoint.engine not in ENGINES:
        raise UsageError(
            f"{endpoint.engine} cannot be a source of a migration.",
            f"Use --source-db-type with one of: {', '.join(sorted(ENGINES))}.",
        )
    module, name = ENGINES[endpoint.engine].split(":")
    return cast(Source, getattr(importlib.import_module(module), name)(endpoint))
