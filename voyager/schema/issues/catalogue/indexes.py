"""Rows of the catalogue: access methods that the target lacks, and keys of types that its btree does not take."""

from __future__ import annotations

from voyager.schema.issues.datatypes import NOT_INDEXED
from voyager.schema.issues.issue import FEATURES, Issue, known_issue, yugabytedb

_METHODS = known_issue("gist-brin-and-spgist-index-types-are-not-supported")
_TYPES = known_issue("indexes-on-some-complex-data-types-are-not-supported")

_FAMILIES = {
    "array": "an array type",
    "user_defined": "a composite type",
    "user_defined_range": "a range type of the schema's own",
    "multirange": "a multirange type",
}
_METHOD_ADVICE = {
    "gist": "Drop the index; a GIN index serves containment of arrays and jsonb, a btree index equality and order.",
    "brin": "Drop the index, or replace it by a btree index with explicit ASC, which is sharded by range.",
    "spgist": "Drop the index and see whether its queries need another one.",
}


def _method(name: str) -> Issue:
    return Issue(
        id=f"UNSUPPORTED_{name.upper()}_INDEX_METHOD",
        name=f"Index with access method {name}",
        category=FEATURES,
        impact=1,
        says=f"The index uses the access method {name}, which YugabyteDB does not have.",
        advice=_METHOD_ADVICE[name],
        link=_METHODS,
    )


def _described(name: str) -> str:
    return _FAMILIES.get(name, f"type {name}")


def _index_on(name: str) -> Issue:
    return Issue(
        id=f"INDEX_ON_{name.upper()}_DATATYPE",
        name=f"Index on a key of {_described(name)}",
        category=FEATURES,
        impact=1,
        says=f"A key of the index is of {_described(name)}, which YugabyteDB does not index.",
        advice="Index an expression that casts the key to a type that can be indexed, and use it in the queries.",
        link=_TYPES,
    )


def _key_on(name: str) -> Issue:
    return Issue(
        id=f"PK_UK_ON_{name.upper()}_DATATYPE",
        name=f"Primary or unique key on a column of {_described(name)}",
        category=FEATURES,
        impact=1,
        says=f"A column of the key is of {_described(name)}, which YugabyteDB does not index.",
        advice="Make the key of another column, or of a generated text or hash of this one; a unique index may use an "
        "expression that casts it.",
        link=_TYPES,
    )


ROWS = (
    *(_method(name) for name in _METHOD_ADVICE),
    Issue(
        id="MULTI_COLUMN_GIN_INDEX",
        name="GIN index on several columns",
        category=FEATURES,
        impact=1,
        says="The GIN index has more than one key.",
        advice="Create one GIN index for each key.",
        link=known_issue("gin-indexes-on-multiple-columns-are-not-supported"),
    ),
    Issue(
        id="ORDERED_GIN_INDEX",
        name="GIN index with an order",
        category=FEATURES,
        impact=1,
        says="The GIN index asks for an order of its key.",
        advice="Remove ASC, DESC or HASH from the key; a GIN index has no order.",
        link=yugabytedb(10653),
    ),
    *(_key_on(name) for name in NOT_INDEXED),
    *(_index_on(name) for name in NOT_INDEXED),
)
