"""Taking metadata in: all of it or nothing, every fault with its file and line, in whatever layout it comes."""

from __future__ import annotations

import codecs
import errno
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.metadata_files import ANSWERS, DDL, FACTS, INDEX, TABLE, write_metadata, write_replica
from voyager.assessment import csv_file
from voyager.assessment.ingest import ingest, inspect_metadata
from voyager.assessment.metadata import Metadata, read_metadata
from voyager.assessment_dir import AssessmentDir
from voyager.errors import LockedByOther, OutOfSpace, UsageError

ROWS = "table-row-counts.csv"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return write_metadata(tmp_path / "collected")


@pytest.fixture
def directory(tmp_path: Path) -> AssessmentDir:
    return AssessmentDir(tmp_path / "assessment")


def faults(place: Path, directory: AssessmentDir, *, engine: str | None = None) -> list[str]:
    """What is said of `place`, which must be refused with nothing written."""
    with pytest.raises(UsageError) as refused:
        ingest(place, directory, engine=engine)
    assert refused.value.exit_code == 2
    assert not directory.path.exists()
    return list(refused.value.details) or [refused.value.message]


def tree(directory: AssessmentDir) -> dict[str, tuple[bytes, int]]:
    paths = [path for path in directory.metadata.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory.path)): (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def contents(metadata: Metadata) -> dict[str, list[dict[str, object]]]:
    return {name: [dict(row) for row in rows] for name, rows in metadata.tables.items()}


def test_what_was_collected_is_read_back_typed(place: Path, directory: AssessmentDir) -> None:
    taken = ingest(place, directory)
    metadata = read_metadata(directory)
    assert contents(metadata) == contents(taken)
    assert (metadata.engine, metadata.database, metadata.version, metadata.schemas) == (
        "postgresql",
        "shop",
        "15.4",
        ("public",),
    )
    assert (metadata.capture_seconds, metadata.nodes, metadata.ddl, metadata.missing) == (10, ("primary",), DDL, ())
    (column,) = metadata.rows("column_statistics")
    assert dict(column) == {
        "source_node": "primary", "schema_name": "public", "table_name": "t", "column_name": "name", "null_frac": 0.25,
        "effective_n_distinct": 7, "most_common_freq": 0.5, "most_common_val": 'a "quoted", value',
    }  # fmt: skip
    (query,) = metadata.rows("db_queries_summary")
    assert (query["query"], query["calls"], query["total_exec_time"]) == ("SELECT 1", 3, 1.5)
    usage = {row["object_name"]: row["parent_table_name"] for row in metadata.rows("table_index_usage_stats")}
    assert usage == {"t": None, "t_name": "t"}
    assert metadata.rows("no_such_table") == ()


def test_the_same_input_twice_changes_nothing_and_says_so(place: Path, directory: AssessmentDir) -> None:
    assert not ingest(place, directory).unchanged
    before = tree(directory)
    assert ingest(place, directory).unchanged
    assert tree(directory) == before
    assert ingest(directory.metadata, directory).unchanged
    (place / ROWS).write_text("source_node,schema_name,table_name,row_count\nprimary,public,t,1001\n")
    assert not ingest(place, directory).unchanged
    assert read_metadata(directory).rows("table_row_counts")[0]["row_count"] == 1001


def test_everything_that_is_wrong_is_said_in_one_go(place: Path, directory: AssessmentDir) -> None:
    (place / ROWS).write_text("source_node,schema_name,table_name,rows\nprimary,public,t,1\n")
    (place / "table-index-sizes.csv").write_text(
        "source_node,schema_name,object_name,object_type,size_in_bytes\nprimary,public,t,table,12 kB\n"
        "primary,public,t_name,index\nprimary,public,u,table,1\n"
    )
    (place / "object-type-mapping.csv").unlink()
    (place / "schema" / "schema.sql").unlink()
    found = faults(place, directory)
    assert [fault.split(": ")[0] for fault in found] == [
        "object-type-mapping.csv",
        f"{ROWS}, line 1",
        f"{ROWS}, line 1",
        "table-index-sizes.csv, line 2, column size_in_bytes",
        "table-index-sizes.csv, line 3",
        "schema/schema.sql",
    ]
    assert "row_count" in found[1]
    assert "rows" in found[2]
    assert '"12 kB"' in found[3]
    assert "4 values" in found[4]
    assert "5 columns" in found[4]


def test_a_refused_input_leaves_what_was_taken_in_before(place: Path, directory: AssessmentDir) -> None:
    ingest(place, directory)
    before = tree(directory)
    (place / ROWS).write_text("nonsense\n")
    with pytest.raises(UsageError):
        ingest(place, directory)
    assert tree(directory) == before
    assert [path.name for path in directory.private.iterdir()] == ["assessment.lock"]


def appended(more: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole + more


def header(columns: bytes) -> Callable[[bytes], bytes]:
    return lambda whole: whole.replace(b"row_count", columns, 1)


SPOILT: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "nothing": (lambda _: b"", ": The file is empty"),
    "only line breaks": (lambda _: b"\n\n", ": The file is empty"),
    "without the last line break": (lambda whole: whole[:-1], ", line 2: The last line has no end"),
    "cut within the last row": (lambda whole: whole[:-8], ", line 2: The last line has no end"),
    "cut within quotes": (appended(b'primary,public,"un'), ", line 3: A quoted value"),
    "a quote within a value": (appended(b'primary,"a"b,c,1\n'), ", line 3: This is not CSV"),
    "Latin-1": (appended(b"primary,public,\xff,1\n"), ", line 3: Byte 82 "),
    "a NUL byte": (appended(b"primary,public,\0,1\n"), ", line 3: The line holds a NUL"),
    "UTF-16": (lambda whole: codecs.BOM_UTF16_LE + whole.decode().encode("utf-16-le"), ": The file is UTF-16"),
    "another node": (appended(b"replica,public,u,1\n"), ", line 3, column source_node"),
    "no number": (appended(b"primary,public,u,1 000\n"), ', line 3, column row_count: "1 000"'),
    "infinite": (appended(b"primary,public,u,1e400\n"), ', line 3, column row_count: "1e400"'),
    "not a number": (appended(b"primary,public,u,NaN\n"), ', line 3, column row_count: "NaN" is not a number'),
    "below zero": (appended(b"primary,public,u,-5\n"), ', line 3, column row_count: "-5" is below zero'),
    "half a row": (appended(b"primary,public,u,2.5\n"), ', line 3, column row_count: "2.5" is not a whole number'),
    "beyond 64 bits": (appended(b"primary,public,u,18446744073709551616\n"), ", line 3, column row_count: "),
    "a value too many": (appended(b"primary,public,u,1,2\n"), ", line 3: 5 values"),
    "a column twice": (header(b"row_count,row_count"), ", line 1: The column row_count stands twice"),
    "an unknown column": (header(b"row_count,more"), ", line 1: Unknown column more"),
    "another header": (header(b"rows"), ", line 1: No column row_count"),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_file_is_named_with_the_line(place: Path, directory: AssessmentDir, how: str) -> None:
    spoil, expected = SPOILT[how]
    (place / ROWS).write_bytes(spoil((place / ROWS).read_bytes()))
    found = faults(place, directory)
    assert found[0].startswith(ROWS + expected), found
    assert {fault.split(",")[0].split(":")[0] for fault in found} == {ROWS}


def test_a_quoted_line_break_counts_for_the_line(place: Path, directory: AssessmentDir) -> None:
    path = place / ROWS
    path.write_text(path.read_text() + 'primary,public,"two\nlines",5\nprimary,public,u,many\n')
    assert faults(place, directory) == [f'{ROWS}, line 5, column row_count: "many" is not a number.']


def test_of_a_file_with_a_thousand_faults_the_first_are_shown(place: Path, directory: AssessmentDir) -> None:
    path = place / ROWS
    path.write_text(path.read_text() + "primary,public,u,x\n" * 1000)
    found = faults(place, directory)
    assert len(found) == 11
    assert found[-1] == f"{ROWS}: 990 more faults of this file."


def test_a_file_that_lost_whole_lines_is_found_by_its_count(tmp_path: Path, directory: AssessmentDir) -> None:
    place = write_metadata(tmp_path / "c", facts={"rows": {"table-index-sizes": 2, "db-queries-summary": None}})
    assert inspect_metadata(place).rows("table_index_sizes")
    lines = (place / "table-index-sizes.csv").read_text().splitlines(keepends=True)
    (place / "table-index-sizes.csv").write_text("".join(lines[:-1]))
    assert faults(place, directory) == ["table-index-sizes.csv: It holds 1 row; 2 were written. Collect it again."]


def test_a_second_measurement_that_an_earlier_run_left_is_refused(tmp_path: Path, directory: AssessmentDir) -> None:
    counts = {"table-index-iops-initial": 2, "table-index-iops-final": None}
    place = write_metadata(tmp_path / "c", facts={"rows": counts, "capture_seconds": None})
    (fault,) = faults(place, directory)
    assert fault.startswith("table-index-iops-final.csv: database.json does not count it")
    (place / "table-index-iops-final.csv").unlink()
    assert inspect_metadata(place).capture_seconds is None


def test_a_full_disk_keeps_what_was_there_and_is_no_bug(
    place: Path, directory: AssessmentDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest(place, directory)
    before = tree(directory)
    path = place / ROWS
    path.write_text(path.read_text() + "primary,public,u,1\n")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OutOfSpace):
        ingest(place, directory)
    assert tree(directory) == before
    assert [path.name for path in directory.private.iterdir()] == ["assessment.lock"]


@pytest.mark.parametrize(
    ("content", "beginning"),
    [
        (b"", "database.json, line 1: The file is empty"),
        (b'{"engine": "postgresql",\n "version"', "database.json, line 2: This is not JSON"),
        (b"[]", "database.json: This is JSON, but not an object"),
        (b'{"engine": "\xff"}', "database.json: Byte 12 "),
        (b'{"engine": "postgresql"}', 'database.json: It does not say "version"'),
        (b'{"engine": "db2", "version": "1"}', 'database.json: "db2" is no kind'),
        (json.dumps({**FACTS, "schemas": "public"}).encode(), 'database.json: "schemas" is not a list'),
        (json.dumps({**FACTS, "capture_seconds": "x"}).encode(), 'database.json: "capture_seconds" is not a whole'),
        (json.dumps({**FACTS, "capture_seconds": -1}).encode(), 'database.json: "capture_seconds" is not a whole'),
        (json.dumps({**FACTS, "schemas": [1]}).encode(), 'database.json: "schemas" is not a list'),
        (json.dumps({**FACTS, "missing": "queries"}).encode(), 'database.json: "missing" is not a list'),
        (json.dumps({**FACTS, "missing": ["queries"]}).encode(), 'database.json: "missing" is not a list'),
        (json.dumps({**FACTS, "replicas": "many"}).encode(), 'database.json: "replicas" is not a whole'),
        (json.dumps({**FACTS, "tables_unreadable": "all"}).encode(), 'database.json: "tables_unreadable" is not a'),
        (json.dumps({**FACTS, "unreadable": ["public.t"]}).encode(), 'database.json: "unreadable" is not a list'),
        (json.dumps({name: FACTS[name] for name in FACTS if name != "role"} | {"tables_unreadable": 1}).encode(),
         'database.json: It does not say "role"'),
        (b"[" * 100_000, "database.json: This is not the JSON that was collected"),
        (b'{"engine": "postgresql", "version": ' + b"9" * 5_000 + b"}", "database.json: This is not the JSON"),
        (json.dumps({**FACTS, "format": 2, "collected_by": "yb-voyager 9.0"}).encode(),
         "database.json: It was collected by the scripts of yb-voyager 9.0, in format 2"),
    ],
)  # fmt: skip
def test_what_the_database_says_of_itself_is_checked(
    place: Path, directory: AssessmentDir, content: bytes, beginning: str
) -> None:
    (place / "database.json").write_bytes(content)
    assert any(fault.startswith(beginning) for fault in faults(place, directory)), faults(place, directory)


def test_broken_json_in_a_row_is_named(place: Path, directory: AssessmentDir) -> None:
    path = place / "db-queries-summary.csv"
    path.write_text(path.read_text() + 'primary,"{""query"": "\nprimary,[]\n')
    found = faults(place, directory)
    assert found[0].startswith("db-queries-summary.csv, line 3, column pgss_data: This is not JSON")
    assert found[1].startswith("db-queries-summary.csv, line 4, column pgss_data: This is JSON, but not an object")


def test_numbers_in_a_json_document_are_judged_like_those_of_columns(place: Path, directory: AssessmentDir) -> None:
    path = place / "db-queries-summary.csv"
    said = (
        '"calls": -1',
        '"rows": 1.5',
        '"mean_exec_time": NaN',
        '"mean_exec_time": 1e400',
        '"calls": [1]',
        '"rows": true',
    )
    documents = ('{"queryid": 1, "query": "SELECT 1", ' + one + "}" for one in said)
    path.write_text(path.read_text() + "".join(csv_file.csv_line(("primary", one)) for one in documents))
    file = "db-queries-summary.csv"
    assert faults(place, directory) == [
        f'{file}, line 3, column calls: "-1" is below zero, which this cannot be.',
        f'{file}, line 4, column rows: "1.5" is not a whole number.',
        f'{file}, line 5, column mean_exec_time: "NaN" is not a number.',
        f'{file}, line 6, column mean_exec_time: "1e400" is too large a number for what this holds.',
        f'{file}, line 7, column calls: "["1"]" is not a number.',
        f'{file}, line 8, column rows: "true" is not a number.',
    ]


def test_a_dump_that_was_cut_or_is_no_text_is_refused(place: Path, directory: AssessmentDir) -> None:
    dump = place / "schema" / "schema.sql"
    dump.write_text(f"--\n-- PostgreSQL database dump\n--\n{DDL}")
    assert faults(place, directory) == ["schema/schema.sql, line 6: The dump has no end: the file was cut off."]
    dump.write_text(f"--\n-- PostgreSQL database dump\n--\n{DDL}\n-- PostgreSQL database dump complete\n")
    assert "t_name" in inspect_metadata(place).ddl
    dump.write_bytes(DDL.encode() + b"\n-- caf\xe9\n")
    assert faults(place, directory)[0].startswith("schema/schema.sql, line 4: Byte ")
    dump.write_text(" \n")
    assert faults(place, directory) == ["schema/schema.sql: The file is empty."]


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(place: Path) -> None:
    expected = contents(inspect_metadata(place))
    for path in place.glob("*.csv"):
        path.write_bytes(codecs.BOM_UTF8 + path.read_bytes().replace(b"\n", b"\r\n"))
    (place / "database.json").write_bytes(codecs.BOM_UTF8 + (place / "database.json").read_bytes())
    assert contents(inspect_metadata(place)) == expected


def test_one_directory_for_each_node_is_the_same_as_flat(tmp_path: Path, place: Path, directory: AssessmentDir) -> None:
    by_node = tmp_path / "by-node"
    write_metadata(by_node / "node-primary")
    (by_node / "node-primary" / "schema").rename(by_node / "schema")
    assert contents(inspect_metadata(by_node)) == contents(inspect_metadata(place))
    ingest(place, directory)
    assert ingest(by_node, directory).unchanged


def test_the_primary_both_flat_and_in_a_directory_is_refused(place: Path, directory: AssessmentDir) -> None:
    write_metadata(place / "node-primary")
    assert "Leave one of them." in faults(place, directory)[0]


def test_replicas_add_their_rows_and_a_stranger_is_refused(place: Path, directory: AssessmentDir) -> None:
    write_replica(place, "r1", reads=20)
    metadata = ingest(place, directory)
    assert metadata.nodes == ("primary", "r1")
    assert {row["source_node"] for row in metadata.rows("table_index_iops")} == {"primary", "r1"}
    assert {row["source_node"] for row in read_metadata(directory).rows("table_row_counts")} == {"primary"}
    write_replica(place, "r2", reads=1, facts={"system_identifier": "2"})
    write_replica(place, "r3", reads=1, facts={"standby": False})
    with pytest.raises(UsageError) as refused:
        ingest(place, directory)
    assert [fault.split(":")[0] for fault in refused.value.details] == [
        "node-r2/database.json",
        "node-r3/database.json",
    ]
    assert read_metadata(directory).nodes == ("primary", "r1")


def test_rows_of_one_node_in_the_directory_of_another_are_refused(place: Path, directory: AssessmentDir) -> None:
    replica = write_replica(place, "r1", reads=20)
    replica.rename(place / "node-r2")
    assert "say that they are of node r1" in faults(place, directory)[0]


def test_a_replica_that_was_seen_but_not_asked_is_missing(tmp_path: Path) -> None:
    place = write_metadata(tmp_path / "c", facts={"replicas": 2})
    write_replica(place, "r1", reads=1)
    (missing,) = inspect_metadata(place).missing
    assert missing.what == "1 read replica of 2"


@pytest.mark.parametrize(
    ("left", "reason"), [("initial", "once only"), ("final", "once only"), ("usage-stats", "not collected")]
)
def test_a_replica_without_both_measurements_is_told_before_and_after_it_is_taken_in(
    place: Path, directory: AssessmentDir, left: str, reason: str
) -> None:
    write_replica(place, "r1", reads=1000)
    replica = write_replica(place, "r2", reads=1000)
    (replica / "table-index-usage-stats.csv").write_text((place / "table-index-usage-stats.csv").read_text())
    for path in replica.glob("*.csv"):
        text = path.read_text().replace("primary", "r2")
        path.write_text(text) if path.stem.endswith(left) else path.unlink()
    for metadata in (ingest(place, directory), read_metadata(directory)):
        (missing,) = metadata.missing
        assert missing.what == "Reads per second of node r2"
        assert reason in missing.reason
        assert missing.weakens


def test_a_node_of_which_nothing_is_there_is_refused_and_so_is_a_replica_alone(
    place: Path, directory: AssessmentDir
) -> None:
    (place / "node-r1").mkdir()
    (fault,) = faults(place, directory)
    assert fault.startswith("node-r1: It holds none of ")
    assert "table-index-iops-initial.csv" in fault
    alone = place.parent / "alone"
    write_replica(alone, "r1", reads=1)
    (alone / "node-r1" / "database.json").unlink()
    (fault,) = faults(alone, directory)
    assert "no node-primary" in fault


def test_files_that_may_be_missing_are_told_as_missing(tmp_path: Path) -> None:
    left_out = {"db-queries-summary": None, "table-index-iops-final": None, "redundant-indexes": None}
    metadata = inspect_metadata(write_metadata(tmp_path / "c", answers=left_out))
    assert len(metadata.missing) == 3
    assert all(one.weakens for one in metadata.missing)
    # The schema itself tells of redundant indexes, and load is no issue.
    assert [one.hides_issues for one in metadata.missing] == ["queries" in one.what.lower() for one in metadata.missing]


def test_what_the_role_could_not_see_is_told_from_the_facts_and_the_rows(tmp_path: Path) -> None:
    facts = {"tables_unreadable": 2, "unreadable": [["public", "a"], ["s", "B"]], "unreadable_schemas": ["public", "s"]}
    (tables,) = inspect_metadata(write_metadata(tmp_path / "a", facts=facts)).missing
    assert tables.reason == 'Role reader may not read public.a, s."B".'
    assert "data types of their columns, which are judged" in tables.weakens
    assert tables.hides_issues
    assert tables.sql.startswith('GRANT USAGE ON SCHEMA "public", "s" TO "reader";')
    hidden, shown = (json.dumps({"query": text, "calls": 1}) for text in ("<insufficient privilege>", "SELECT 1"))
    partly = inspect_metadata(write_metadata(tmp_path / "b", answers={"db-queries-summary": [(hidden,), (shown,)]}))
    assert [one.what for one in partly.missing] == ["1 query"]
    assert [row["query"] for row in partly.rows("db_queries_summary")] == ["SELECT 1"]
    off = {"query_statistics": "not installed"}
    (queries,) = inspect_metadata(
        write_metadata(tmp_path / "c", facts=off, answers={"db-queries-summary": None})
    ).missing
    assert queries.sql == "CREATE EXTENSION pg_stat_statements;"


def yb_voyagers_own(place: Path, *, with_nodes: bool) -> Path:
    """What yb-voyager's scripts leave: no database.json, other names with `_`, in old versions no source_node."""
    write_metadata(place)
    (place / "database.json").unlink()
    for path in place.glob("*.csv"):
        if not with_nodes:
            lines = path.read_text().splitlines(keepends=True)
            path.write_text("".join(line.split(",", 1)[1] for line in lines))
        path.rename(path.with_stem(path.stem.replace("-", "_")))
    return place


@pytest.mark.parametrize("with_nodes", [True, False])
def test_what_yb_voyagers_own_scripts_collected_is_accepted(
    tmp_path: Path, directory: AssessmentDir, with_nodes: bool
) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=with_nodes)
    (place / "yb-voyager-assessment.log").write_text("[2026] [INFO] Sleeping for 60 seconds to capture IOPS data\n")
    metadata = ingest(place, directory)
    assert contents(metadata) == contents(inspect_metadata(write_metadata(tmp_path / "ours")))
    assert (metadata.engine, metadata.version, metadata.schemas) == ("postgresql", "unknown", ("public",))
    assert metadata.capture_seconds == 60
    again = read_metadata(directory)
    assert contents(again) == contents(metadata)
    assert (again.capture_seconds, again.missing) == (60, metadata.missing)
    assert ingest(place, directory).unchanged


def test_an_interval_that_nothing_tells_is_assumed_and_said(tmp_path: Path, directory: AssessmentDir) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=True)
    metadata = ingest(place, directory)
    assert metadata.capture_seconds == 120
    assert ["120 seconds were assumed" in one.reason for one in metadata.missing] == [True]
    assert read_metadata(directory).missing == metadata.missing


def test_columns_and_files_of_other_scripts_that_nobody_knows_are_passed_over_and_said(tmp_path: Path) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=True)
    (place / "table_row_counts.csv").write_text(
        "source_node,schema_name,table_name,row_count,extra\nprimary,public,t,5,x\n"
    )
    (place / "low-cardinality-indexes.csv").write_text("a\n1\n")
    metadata = inspect_metadata(place)
    assert dict(metadata.rows("table_row_counts")[0]).keys() == {
        "source_node",
        "schema_name",
        "table_name",
        "row_count",
    }
    assert {one.what for one in metadata.missing} >= {
        "table_row_counts.csv, column extra",
        "low-cardinality-indexes.csv",
    }


def test_queries_in_the_older_shape_have_the_same_names(tmp_path: Path) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=True)
    (place / "db_queries_summary.csv").write_text(
        "userid,dbid,queryid,query,calls,total_time,min_time,max_time,mean_time,stddev_time,rows\n"
        '10,5,-12,"SELECT ""x"",\n 1",4,8.5,1,3,2.125,0.5,9\n'
    )
    (row,) = inspect_metadata(place).rows("db_queries_summary")
    assert dict(row) == {
        "source_node": "primary", "queryid": -12, "query": 'SELECT "x",\n 1', "calls": 4, "rows": 9,
        "total_exec_time": 8.5, "mean_exec_time": 2.125, "min_exec_time": 1, "max_exec_time": 3,
        "stddev_exec_time": 0.5,
    }  # fmt: skip


def test_queries_without_counters_are_read(tmp_path: Path) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=False)
    (place / "db_queries_summary.csv").write_text("queryid,query\n7,SELECT 1\n")
    (row,) = inspect_metadata(place).rows("db_queries_summary")
    assert (row["query"], row["queryid"], row["calls"]) == ("SELECT 1", 7, None)
    (place / "db_queries_summary.csv").write_text("queryid,calls\n7,1\n")
    with pytest.raises(UsageError) as refused:
        inspect_metadata(place)
    assert refused.value.details == ("db_queries_summary.csv, line 1: No column query; there are queryid, calls.",)


def test_both_measurements_in_one_file_are_told_apart(tmp_path: Path) -> None:
    place = yb_voyagers_own(tmp_path / "theirs", with_nodes=True)
    expected = contents(inspect_metadata(place))["table_index_iops"]
    initial, final = place / "table_index_iops_initial.csv", place / "table_index_iops_final.csv"
    both = initial.read_text() + "".join(final.read_text().splitlines(keepends=True)[1:])
    initial.unlink()
    final.unlink()
    (place / "table-index-iops.csv").write_text(both)
    assert contents(inspect_metadata(place))["table_index_iops"] == expected


def test_an_exported_schema_in_many_files_is_put_together(place: Path) -> None:
    schema = place / "schema"
    (schema / "schema.sql").unlink()
    for name, text in {
        "tables/table.sql": "CREATE TABLE t",
        "types/type.sql": "CREATE TYPE x",
        "views/v.sql": "CREATE VIEW v",
    }.items():
        (schema / name).parent.mkdir()
        (schema / name).write_text(text + " …;\n")
    ddl = inspect_metadata(place).ddl
    assert [ddl.index(word) for word in ("TYPE", "TABLE", "VIEW")] == sorted(
        ddl.index(word) for word in ("TYPE", "TABLE", "VIEW")
    )


def test_the_engine_given_has_to_be_that_of_the_metadata(place: Path, directory: AssessmentDir) -> None:
    assert any("not of mysql" in fault for fault in faults(place, directory, engine="mysql"))


def test_a_directory_without_metadata_is_refused_with_the_way_to_it(tmp_path: Path, directory: AssessmentDir) -> None:
    assert "no directory" in faults(tmp_path / "nowhere", directory)[0]
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no metadata here" in faults(empty, directory)[0]
    write_metadata(tmp_path / "scripts" / "collected")
    with pytest.raises(UsageError) as refused:
        ingest(tmp_path / "scripts", directory)
    assert refused.value.hint == f"Give --metadata-dir {tmp_path / 'scripts' / 'collected'}."
    with pytest.raises(UsageError, match="holds no metadata"):
        read_metadata(directory)


def test_a_database_without_objects_is_nothing_to_assess(tmp_path: Path, directory: AssessmentDir) -> None:
    nothing: dict[str, list[tuple[str | None, ...]] | None] = {name: [] for name in ANSWERS}
    place = write_metadata(tmp_path / "c", answers=nothing, ddl="CREATE SCHEMA a;\nCREATE EXTENSION hstore;\n")
    assert faults(place, directory) == [
        "There is nothing to assess: database shop holds no table, view or function in public."
    ]
    (place / "schema" / "schema.sql").write_text("CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\n")
    assert inspect_metadata(place).ddl


def test_while_another_uses_the_directory_nothing_is_taken_in(place: Path, directory: AssessmentDir) -> None:
    directory.create()
    with directory.lock("assessment"), pytest.raises(LockedByOther):
        ingest(place, directory)
    assert not directory.metadata.exists()


def test_an_exchange_that_a_kill_cut_in_two_is_undone(place: Path, directory: AssessmentDir) -> None:
    expected = contents(ingest(place, directory))
    directory.metadata.rename(directory.private / "metadata-before")
    (directory.private / "metadata-new-0000").mkdir()
    assert contents(read_metadata(directory)) == expected
    assert ingest(place, directory).unchanged


def test_a_long_text_of_a_query_is_read_whole(place: Path) -> None:
    text = "SELECT '" + "x" * 400_000 + "'"
    write_metadata(place, answers={"db-queries-summary": [(json.dumps({"query": text, "calls": 1}),)]})
    assert inspect_metadata(place).rows("db_queries_summary")[0]["query"] == text


def test_a_line_or_a_value_without_end_is_given_up_before_it_fills_the_memory(
    place: Path, directory: AssessmentDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "_LONGEST", 1 << 20)
    path = place / ROWS
    whole = path.read_bytes()
    path.write_bytes(whole + b"primary,public," + b"x" * (3 << 20) + b",1\n")
    assert faults(place, directory) == [
        f"{ROWS}, line 3: The line is longer than 1 MB: this is not what was collected."
    ]
    path.write_bytes(whole + b'primary,public,"' + b"x\n" * (1 << 20) + b'",1\n')
    assert faults(place, directory) == [f"{ROWS}, line 3: A value is longer than 1 MB: a quote may be missing."]


def test_a_header_without_end_tells_no_kind_of_database(tmp_path: Path, directory: AssessmentDir) -> None:
    place = write_metadata(tmp_path / "c")
    (place / "database.json").unlink()
    (place / "object-type-mapping.csv").write_bytes(b"x" * (1 << 18))
    assert faults(place, directory)


def test_the_same_kinds_are_known_by_either_spelling(place: Path) -> None:
    assert {row["object_type"] for row in inspect_metadata(place).rows("object_type_mapping")} == {TABLE[2], INDEX[2]}


def test_the_assessment_directory_is_this_users_and_is_cleaned_of_our_parts_only(
    place: Path, directory: AssessmentDir
) -> None:
    ingest(place, directory)
    parts = [path for path in directory.path.rglob("*") if path.is_dir()]
    assert {path.stat().st_mode & 0o777 for path in (directory.path, *parts)} == {0o700}
    (directory.path / "notes.txt").write_text("mine")
    directory.clean()
    assert [path.name for path in directory.path.iterdir()] == ["notes.txt"]
