"""Detects statements that came with PostgreSQL 16 to 18; their clauses in tables are found with the tables."""

from __future__ import annotations

from collections.abc import Iterator

from voyager.schema.issues.detect.parsed import Parsed
from voyager.schema.issues.issue import Hit
from voyager.schema.nodes import dotted, label
from voyager.schema.parse import items, name_of


def grant(parsed: Parsed) -> Iterator[Hit]:
    for privilege in items(parsed.tree.privileges):
        if privilege.priv_name == "maintain":
            objects = [label(one) for one in items(parsed.tree.objects) if name_of(one) == "RangeVar"]
            yield Hit("MAINTAIN_PRIVILEGE", "TABLE" if objects else "", ", ".join(objects))


def default_privileges(parsed: Parsed) -> Iterator[Hit]:
    if any(privilege.priv_name == "maintain" for privilege in items(parsed.tree.action.privileges)):
        yield Hit("MAINTAIN_PRIVILEGE")


def event_trigger(parsed: Parsed) -> Iterator[Hit]:
    if parsed.tree.eventname == "login":
        yield Hit("EVENT_TRIGGER_ON_LOGIN", "EVENT TRIGGER", dotted(parsed.tree.trigname))


def publication(parsed: Parsed) -> Iterator[Hit]:
    if any(option.defname == "publish_generated_columns" for option in items(parsed.tree.options)):
        yield Hit("PUBLICATION_OF_GENERATED_COLUMNS", "PUBLICATION", dotted(parsed.tree.pubname))


def statistics(parsed: Parsed) -> Iterator[Hit]:
    if not parsed.tree.defnames:
        yield Hit("STATISTICS_WITHOUT_NAME", "TABLE", label(items(parsed.tree.relations)[0]))


BY_NODE = {
    "GrantStmt": (grant,),
    "AlterDefaultPrivilegesStmt": (default_privileges,),
    "CreateEventTrigStmt": (event_trigger,),
    "CreatePublicationStmt": (publication,),
    "AlterPublicationStmt": (publication,),
    "CreateStatsStmt": (statistics,),
}
