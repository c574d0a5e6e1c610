"""Size and load of every table and index: the answers of all nodes put together, object by object."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from voyager.assessment.assessment import Missing, ObjectStatistics
from voyager.assessment.metadata import Metadata, Row
from voyager.assessment.metadata_directory import PRIMARY
from voyager.wording import counted, named

Object = tuple[str, str, bool]
"""Schema, name, and whether it is an index: in Oracle a table and an index may have the same name."""
_INDEX_KINDS = ("index", "primary key")


@dataclass(frozen=True)
class _Load:
    """What one object was asked on one node between two measurements; None for what is not counted there."""

    reads: int | None
    writes: int | None


def object_statistics(metadata: Metadata) -> tuple[tuple[ObjectStatistics, ...], tuple[Missing, ...]]:
    """Return every table, materialized view and index, and what could not be measured of them.

    Reads are summed over all nodes, writes are those of the primary. A rate is None where the load was not measured,
    and where a counter went back between the measurements (reset, or a restart): that object is told as missing.
    """
    kinds = _kinds(metadata)
    rows = {
        (row["schema_name"], row["table_name"], False): int(row["row_count"])
        for row in metadata.rows("table_row_counts")
        if row["row_count"] is not None
    }
    sizes = _numbers(metadata.rows("table_index_sizes"), "size_in_bytes")
    columns = _numbers(metadata.rows("table_columns_count"), "column_count")
    parents = {
        (row["index_schema"], row["index_name"], True): f"{row['table_schema']}.{row['table_name']}"
        for row in metadata.rows("index_to_table_mapping")
    }
    load = {node: _load(metadata, node) for node in metadata.nodes}
    seconds = metadata.capture_seconds or 0
    roots = _partitioned(metadata, kinds)
    unmeasured: dict[str, list[str]] = {}
    found = []
    for name, kind in kinds.items():
        by_node = {node: of_node.get(name) for node, of_node in load.items() if name in of_node} if seconds > 0 else {}
        for node, one in by_node.items():
            if one is None:
                unmeasured.setdefault(node, []).append(".".join(name[:2]))
        rates = {node: one.reads / seconds for node, one in by_node.items() if one and one.reads is not None}
        primary = by_node.get(PRIMARY)
        writes = primary.writes if primary is not None else None
        found.append(
            ObjectStatistics(
                schema=name[0],
                name=name[1],
                object_type=kind,
                is_index=name[2],
                parent_table=parents.get(name),
                partition_of=_root(name, kind, roots),
                rows=rows.get(name),
                columns=columns.get(name),
                size_bytes=sizes.get(name),
                reads_per_second=sum(rates.values()) if rates and None not in by_node.values() else None,
                writes_per_second=writes / seconds if writes is not None else None,
                reads_by_node=rates,
            )
        )
    return tuple(found), tuple(_resets(unmeasured))


def _kinds(metadata: Metadata) -> dict[Object, str]:
    """The kind of every object, as it was collected. The files of rows and of indexes say what holds data: the mapping
    of kinds names virtual columns and the like as well."""
    kinds = {
        _object(row): str(row["object_type"] or "")
        for table in ("table_index_sizes", "object_type_mapping")
        for row in metadata.rows(table)
    }
    tables = [(row["schema_name"], row["table_name"], False) for row in metadata.rows("table_row_counts")]
    indexes = [(row["index_schema"], row["index_name"], True) for row in metadata.rows("index_to_table_mapping")]
    found = {one: kinds.get(one, "index" if one[2] else "table") for one in (*tables, *indexes)}
    for one, kind in kinds.items():
        if not (indexes if one[2] else tables):
            found[one] = kind
    return {one: kind for one, kind in found.items() if None not in one}


def _partitioned(metadata: Metadata, kinds: Collection[Object]) -> frozenset[tuple[str, str]]:
    """Tables that have columns and hold no rows themselves."""
    tables = {(row["schema_name"], row["table_name"]) for row in metadata.rows("table_columns_data_types")}
    return frozenset(tables - {(schema, name) for schema, name, is_index in kinds if not is_index})


def _root(one: Object, kind: str, roots: Collection[tuple[str, str]]) -> str | None:
    """The table of a partition of Oracle, which is listed as TABLE_PARTITION or TABLE_PARTITION_SUBPARTITION."""
    if not re.fullmatch("table (sub)?partition", kind.lower()):
        return None
    schema, name, _ = one
    places = [place for place, character in enumerate(name) if character == "_"]
    return next((f"{schema}.{name[:place]}" for place in reversed(places) if (schema, name[:place]) in roots), None)


def _object(row: Row) -> Object:
    return row["schema_name"], row["object_name"], _is_index(str(row["object_type"] or ""))


def _is_index(kind: str) -> bool:
    return kind.lower().endswith(_INDEX_KINDS)


def _numbers(rows: Iterable[Row], number: str) -> dict[Object, int]:
    return {_object(row): int(row[number]) for row in rows if row[number] is not None}


def _load(metadata: Metadata, node: str) -> Mapping[Object, _Load | None]:
    """Of each object that was measured twice what came in between; None when a counter went back."""
    moments: dict[str, dict[Object, _Load]] = {"initial": {}, "final": {}}
    for row in metadata.rows("table_index_iops"):
        if row["source_node"] == node and row["measurement_type"] in moments:
            moments[row["measurement_type"]][_object(row)] = _Load(row["seq_reads"], row["row_writes"])
    return {
        one: _difference(first, moments["final"][one])
        for one, first in moments["initial"].items()
        if one in moments["final"]
    }


def _difference(first: _Load, last: _Load) -> _Load | None:
    reads, writes = _grown(first.reads, last.reads), _grown(first.writes, last.writes)
    back = (reads is not None and reads < 0) or (writes is not None and writes < 0)
    return None if back else _Load(reads, writes)


def _grown(first: int | None, last: int | None) -> int | None:
    return None if first is None or last is None else int(last) - int(first)


def _resets(unmeasured: Mapping[str, list[str]]) -> Iterator[Missing]:
    for node, names in unmeasured.items():
        shown = named(names)
        yield Missing(
            f"Load of {counted(len(names), 'object')} on node {node}",
            f"The counters went back between the two measurements: they were reset, or the server restarted ({shown}).",
            weakens="The reads and writes per second of these objects are not known. Measure again.",
        )
