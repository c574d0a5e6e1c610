"""Names of Oracle on the target: how they fold, which need quotes, are too long, reserved or taken."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from voyager.assessment.judges.oracle.dictionary import MATERIALIZED_VIEW, TABLE, Dictionary, Spot, text
from voyager.assessment.judges.target_names import LONGEST, RESERVED, SYSTEM_COLUMNS, too_long
from voyager.identifiers import Identifier, visible

_FOLDED = re.compile(r"[A-Z][A-Z0-9_$#]*")
_PLAIN = re.compile(r"[a-z][a-z0-9_$]*")


def folded(name: str) -> str:
    """The name on the target: one that Oracle folded to capitals is folded to small letters, others stay."""
    return name.lower() if _FOLDED.fullmatch(name) else name


def target_name(name: str) -> str:
    """The same as SQL writes it: in quotes where it needs them."""
    own = folded(name)
    return own if _PLAIN.fullmatch(own) and own not in RESERVED else visible(Identifier(own).sql)


def name_spots(dictionary: Dictionary) -> Iterator[Spot]:
    objects = list(_objects(dictionary))
    for kind, schema, name in objects:
        shown = visible(f"{schema}.{name}")
        yield from _of_name(name, Spot("", kind, shown, (kind, schema, name)))
    for column in dictionary.all_columns():
        spot = Spot("", "COLUMN", column.shown, column.of)
        yield from _of_name(column.name, spot)
        if folded(column.name) in SYSTEM_COLUMNS:
            yield _at(spot, "ORACLE_SYSTEM_COLUMN_NAME")
    yield from _collisions(objects)


def _of_name(name: str, spot: Spot) -> Iterator[Spot]:
    own = folded(name)
    if own in RESERVED:
        yield _at(spot, "ORACLE_RESERVED_NAME")
    elif not _PLAIN.fullmatch(own):
        yield _at(spot, "ORACLE_QUOTED_NAME")
    if too_long(own):
        yield _at(spot, "ORACLE_LONG_NAME", CutTo=visible(_cut(own)))


def _at(spot: Spot, issue_id: str, **details: str) -> Spot:
    return Spot(issue_id, spot.object_type, spot.object_name, spot.of, details=details)


def _cut(name: str) -> str:
    return name.encode()[:LONGEST].decode(errors="ignore")


def _objects(dictionary: Dictionary) -> Iterator[tuple[str, str, str]]:
    """What shares one set of names on the target, each once."""
    for (schema, name), kind in dictionary.tables.items():
        yield kind, schema, name
    for index in dictionary.indexes:
        if (index.table_schema, index.table) in dictionary.tables and text(index.row, "generated") != "Y":
            yield "INDEX", index.schema, index.name
    for table, column, kind in (
        ("sequences", "sequence_name", "SEQUENCE"),
        ("views", "view_name", "VIEW"),
        ("types", "type_name", "TYPE"),
    ):
        for row in dictionary.rows(table):
            if not text(row, column).startswith("ISEQ$$_"):
                yield kind, text(row, "schema_name"), text(row, column)


def _collisions(objects: list[tuple[str, str, str]]) -> Iterator[Spot]:
    """The first of several keeps its name; a table or a view before an index or a sequence."""
    taken: dict[tuple[str, str], list[tuple[str, str, str]]] = defaultdict(list)
    for kind, schema, name in objects:
        taken[schema, _cut(folded(name))].append((kind, schema, name))
    for same in taken.values():
        kept, *others = sorted(same, key=lambda one: (one[0] not in (TABLE, MATERIALIZED_VIEW, "VIEW"), one))
        for kind, schema, name in others:
            details = {"CollidesWith": visible(f"{kept[0]} {kept[1]}.{kept[2]}")}
            yield Spot(
                "ORACLE_NAME_COLLISION", kind, visible(f"{schema}.{name}"), (kind, schema, name), details=details
            )
