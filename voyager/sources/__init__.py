"""The engines we read from: one package each, found by the name of the endpoint's engine."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, cast

from voyager.endpoint import Endpoint
from voyager.errors import UsageError
from voyager.ports import AssessedSource, Gap, Question, Source

ENGINES: Mapping[str, str] = {
    "postgresql": "voyager.sources.postgresql.source:PostgresSource",
}
"""Engine name -> "module:class" of its Source. A new engine is a row here and a package beside this file."""

ASSESSED: Mapping[str, str] = {
    "postgresql": "voyager.sources.postgresql.assessed:PostgresAssessed",
    "mysql": "voyager.sources.mysql.assessed:MysqlDictionary",
    "oracle": "voyager.sources.oracle.assessed:OracleDictionary",
}
"""Engine name -> "module:class" of its AssessedSource. In `<package>.metadata` are its QUESTIONS and, where they
mean something there, gaps(facts) and NEEDS_DDL; in `<package>.scripts` is render(questions)."""


class NoSource:
    """Stands for the source of a migration that reads no database. It raises UsageError when it is asked something."""

    def __getattr__(self, _name: str) -> Any:
        raise UsageError(
            "This migration loads files; it has no source database.", "Run: yb-voyager migrate import file."
        )

    def close(self) -> None:
        return


def open_source(endpoint: Endpoint) -> Source:
    """Return the Source for `endpoint`; it connects when first asked something.

    Raises UsageError for an engine that cannot be a source.
    """
    if endpoint.engine not in ENGINES:
        raise UsageError(
            f"{endpoint.engine} cannot be a source of a migration.",
            f"Use --source-db-type with one of: {', '.join(sorted(ENGINES))}.",
        )
    return cast(Source, _load(ENGINES[endpoint.engine])(endpoint))


def open_assessed(endpoint: Endpoint) -> AssessedSource:
    """Return the AssessedSource for `endpoint`; it connects when first asked something."""
    return cast(AssessedSource, _load(ASSESSED[_assessed(endpoint.engine)])(endpoint))


def questions_of(engine: str) -> Sequence[Question]:
    """What an assessment asks of a database of `engine`, in order; nothing is connected."""
    return cast(Sequence[Question], _load(f"voyager.sources.{_assessed(engine)}.metadata:QUESTIONS"))


def render_scripts(engine: str) -> Mapping[str, str]:
    """The scripts of `engine` for its plain client by file name; README.md says how to run them, with which rights."""
    render: Callable[[Sequence[Question]], Mapping[str, str]] = _load(
        f"voyager.sources.{_assessed(engine)}.scripts:render"
    )
    return render(questions_of(engine))


def gaps_of(engine: str, facts: Mapping[str, Any]) -> list[Gap]:
    """What the facts of a database say that an assessment of it has to do without; by whichever way they came."""
    module = importlib.import_module(f"voyager.sources.{_assessed(engine)}.metadata")
    find: Callable[[Mapping[str, Any]], list[Gap]] | None = getattr(module, "gaps", None)
    return find(facts) if find else []


def needs_ddl(engine: str) -> bool:
    """Whether an assessment judges the schema as SQL text, and not only the answers to questions."""
    return bool(getattr(importlib.import_module(f"voyager.sources.{_assessed(engine)}.metadata"), "NEEDS_DDL", False))


def recognize(headers: Mapping[str, Sequence[str]], kinds: Collection[str]) -> str | None:
    """Which engine yb-voyager's own scripts, whose files do not say so, collected from; None when these are not theirs.

    `headers` gives the columns of each file ("table_row_counts"), `kinds` the kinds of objects that are named.
    """
    if not {"table_row_counts", "table_index_sizes"} & headers.keys():
        return None
    if any("source_node" in columns for columns in headers.values()):
        return "postgresql"
    return "oracle" if any(kind.isupper() for kind in kinds) else "postgresql"


def _assessed(engine: str) -> str:
    if engine not in ASSESSED:
        raise UsageError(
            f"{engine} cannot be assessed.", f"Use --source-db-type with one of: {', '.join(sorted(ASSESSED))}."
        )
    return engine


def _load(place: str) -> Any:
    module, name = place.split(":")
    return getattr(importlib.import_module(module), name)
