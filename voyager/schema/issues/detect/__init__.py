"""Detectors by topic. Each looks at statements of certain kinds and says where an issue of the catalogue stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from voyager.schema.issues.detect import columns, constraints, indexes, newer, objects, statements, tables
from voyager.schema.issues.detect.parsed import Detector, Parsed
from voyager.schema.issues.issue import Hit

__all__ = ["Parsed", "detect"]

_TOPICS = (tables, columns, constraints, indexes, objects, statements, newer)


def _by_node() -> Mapping[str, tuple[Detector, ...]]:
    found: dict[str, tuple[Detector, ...]] = {}
    for topic in _TOPICS:
        for node, detectors in topic.BY_NODE.items():
            found[node] = found.get(node, ()) + detectors
    return MappingProxyType(found)


_BY_NODE = _by_node()
_ALTERED_AS_TABLES = {"TABLE", "FOREIGN TABLE"}


def detect(parsed: Parsed) -> Iterator[Hit]:
    """Every issue of one statement that its own parse tree shows, given what the rest of the schema says."""
    node = parsed.type
    if node == "AlterTableStmt" and parsed.object_kind not in _ALTERED_AS_TABLES:
        node = f"{node} of {parsed.object_kind}"
    for detector in _BY_NODE.get(node, ()):
        yield from detector(parsed)
