"""Rows of the catalogue: what works on the target, but is slow there or loads its nodes unevenly."""

from __future__ import annotations

from voyager.schema.issues.issue import PERFORMANCE, Fix, Issue, early_access, known_issue, tech_preview

_MERGED_SCANS = ("yb_enable_derived_saops=true", "yb_max_saop_merge_streams=64")

# With these, a query on a bucketed index reads its buckets side by side and gets the rows in order.
_BUCKETS: tuple[Fix, ...] = (
    *early_access("2025.2.2.0", "2026.1.0.0", flags=_MERGED_SCANS),
    *tech_preview("2025.2.1.0", "2026.1.0.0", flags=_MERGED_SCANS),
)
_GROWS = "so new rows all go to the tablet that holds the latest values, and one node does the work of all."
_SPREAD = (
    "Put a bucket before it, for example a hash of the row's key modulo the number of tablets, and keep the moment "
    "as the second key in ascending order."
)


def _row(id: str, name: str, says: str, advice: str, *, anchor: str, fixed_in: tuple[Fix, ...] = ()) -> Issue:
    return Issue(
        id=id,
        name=name,
        category=PERFORMANCE,
        impact=1,
        says=says,
        advice=advice,
        link=known_issue(anchor),
        fixed_in=fixed_in,
        refused=False,
    )


_HOTSPOTS = "hotspots-with-range-sharded-timestamp-date-indexes"

ROWS: tuple[Issue, ...] = (
    _row(
        "HOTSPOTS_ON_DATE_INDEX",
        "Index that grows with the date",
        f"The first key of the index is a date, {_GROWS}",
        _SPREAD,
        anchor=_HOTSPOTS,
        fixed_in=_BUCKETS,
    ),
    _row(
        "HOTSPOTS_ON_TIMESTAMP_INDEX",
        "Index that grows with time",
        f"The first key of the index is a timestamp, {_GROWS}",
        _SPREAD,
        anchor=_HOTSPOTS,
        fixed_in=_BUCKETS,
    ),
    _row(
        "HOTSPOTS_ON_DATE_PK_UK",
        "Primary or unique key that grows with the date",
        f"The key begins with a date; sharded by ranges it grows at one end, {_GROWS}",
        _SPREAD,
        anchor=_HOTSPOTS,
    ),
    _row(
        "HOTSPOTS_ON_TIMESTAMP_PK_UK",
        "Primary or unique key that grows with time",
        f"The key begins with a timestamp; sharded by ranges it grows at one end, {_GROWS}",
        _SPREAD,
        anchor=_HOTSPOTS,
    ),
    _row(
        "REDUNDANT_INDEXES",
        "Redundant index",
        "Another index of the table serves every query that this one serves, and each write has to keep both.",
        "Leave the index out; Details name the one that stays.",
        anchor="redundant-indexes",
    ),
    _row(
        "INDEX_ON_LOW_CARDINALITY_COLUMN",
        "Index on a column of few values",
        "The first key of the index has ten different values at most. Sharded by the hash of that key, its entries lie "
        "in as few tablets, however many there are.",
        "Give the first key an order (ASC), so that the index is sharded by ranges, or put a key of many values first.",
        anchor="index-on-low-cardinality-column",
    ),
    _row(
        "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_NULL_VALUES",
        "Index that is largely nulls",
        "In much of the table the first key of the index is null: entries that cost every write and crowd one place.",
        "If no query looks for the nulls, make the index a partial one without them (Details have the statement).",
        anchor="index-on-column-with-a-high-percentage-of-null-values",
    ),
    _row(
        "INDEX_ON_COLUMN_WITH_HIGH_PERCENTAGE_OF_PARTICULAR_VALUE",
        "Index that is largely one value",
        "In most of the table the first key of the index has one and the same value: entries that cost every write "
        "and crowd one place.",
        "If no query looks for that value, make the index a partial one without it (Details have the statement).",
        anchor="index-on-column-with-high-percentage-of-a-particular-value",
    ),
    _row(
        "FOREIGN_KEY_DATATYPE_MISMATCH",
        "Foreign key of another type than its target",
        "A column of the foreign key has another type than the column it refers to, so each comparison converts one of "
        "them and lookups cannot be sent in batches.",
        "Give both columns the same type.",
        anchor="foreign-key-datatype-mismatch",
    ),
    _row(
        "MISSING_FOREIGN_KEY_INDEX",
        "Foreign key without an index",
        "No index begins with the columns of the foreign key, so each delete or change of a referenced row reads this "
        "whole table, on all nodes.",
        "Create an index on the columns of the foreign key.",
        anchor="missing-foreign-key-indexes",
    ),
    _row(
        "MISSING_PRIMARY_KEY_WHEN_UNIQUE_NOT_NULL",
        "Table without a primary key that has a unique one",
        "The table has no primary key, so its rows are stored under a hidden one, and its unique key, over columns "
        "that are never null, is an index beside it that every write keeps and every lookup passes through.",
        "Make that unique key the primary key (Details list what can be chosen).",
        anchor="missing-primary-key-for-table-when-unique-and-not-null-columns-exist",
    ),
)
