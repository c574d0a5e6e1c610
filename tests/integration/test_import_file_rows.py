"""Rows of files that the target refuses, or holds already: set aside with their place, left alone, or updated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.file_import import FileImport
from voyager.embedded import Server

STASH = ("--error-policy", "stash-and-continue")
ASIDE = (
    "SELECT key, reason, sqlstate, file, file_offset, row_values FROM ybvoyager.quarantined_rows ORDER BY file_offset"
)


@pytest.fixture
def files(
    target_server: Server, fresh_database: Callable[..., Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> FileImport:
    made = FileImport(fresh_database(target_server), tmp_path, capsys)
    drive.execute(made.target, "CREATE TABLE t (id int PRIMARY KEY, body text, amount numeric)")
    return made


def rows(*, bad: dict[int, str], count: int = 30_000) -> str:
    return "".join(bad.get(number, f'{number},"b\n{number}",{number}.5\n') for number in range(count))


def test_rows_at_fault_are_set_aside_by_file_place_and_key_and_all_others_are_in(files: FileImport) -> None:
    bad = {
        7: '7,"secret, ""x""",cheap\n',  # no number
        9_000: "9000,too,1,2\n",  # a value too many
        9_001: "9001,x\n",  # a value too few
        20_000: '19999,"again",1\n',  # the key of another row
    }
    text = rows(bad=bad)
    path = files.write("t.csv", text)
    told = files.run("--file-table-map", "t.csv:t", "--batch-size", 5000, *STASH, code=12).document
    assert told["error"]["message"] == "Everything is loaded but 4 rows of public.t."
    found = files.rows(ASIDE)
    assert [(row[0], row[2], row[3]) for row in found] == [
        ({"id": "7"}, "22P02", str(path)),
        ({"id": "9000"}, "22P04", str(path)),
        ({"id": "9001"}, "22P04", str(path)),
        ({"id": "19999"}, "23505", str(path)),
    ]
    assert [text[row[4] :].split("\n")[0] + "\n" for row in found] == list(bad.values())
    assert all("secret" not in row[1] and "cheap" not in row[1] and row[5] is None for row in found)
    assert files.rows("SELECT count(*), sum(id) FROM t") == [(29_996, sum(set(range(30_000)) - set(bad)))]
    assert files.rows("SELECT sum(rows), sum(quarantined) FROM ybvoyager.import_batches") == [(29_996, 4)]
    assert files.rows("SELECT rows_quarantined FROM ybvoyager.table_progress WHERE phase = 'IMPORT_FILE'") == [(4,)]
    again = files.tell(code=12)
    assert again.document["error"]["kind"] == "RowsSetAside"
    assert files.rows("SELECT count(*) FROM t") == [(29_996,)]


def test_values_are_kept_where_they_are_asked_for_in_both_formats(files: FileImport) -> None:
    files.write("t.csv", '1,"a, ""b""",x\n')
    files.write("t.txt", "2\ta\\tb\tNULL\n3\t\\N\ty\n")
    files.run("--file-table-map", "t.csv:t", *STASH, "--quarantine-values", code=12)
    assert files.rows(ASIDE)[0][5] == {"id": "1", "body": 'a, "b"', "amount": "x"}
    drive.execute(files.target, "CREATE TABLE u (id int, body text, amount numeric)")
    given = ("--migration-name", "text", "--export-dir", files.directory / "other", "--format", "text")
    files.run(*given, "--file-table-map", "t.txt:u", *STASH, "--quarantine-values", code=12)
    kept = [row[5] for row in files.rows(f"{ASIDE}, row_in_block") if row[3].endswith(".txt")]
    assert kept == [{"id": "2", "body": "a\tb", "amount": "NULL"}, {"id": "3", "body": None, "amount": "y"}]


def test_too_many_rows_at_fault_stop_the_table_and_leave_no_trace_of_their_batch(files: FileImport) -> None:
    files.write("t.csv", rows(bad={}, count=100) + "x,y,z\n" * 11)
    error = files.refused("--file-table-map", "t.csv:t", *STASH, "--max-quarantined", 10, code=4)
    assert error["message"].startswith("The target refuses more than 10 rows of public.t")
    assert files.rows("SELECT count(*) FROM t") == [(0,)]
    assert files.rows(ASIDE) == []


@pytest.mark.parametrize(("action", "body"), [("ignore", "old"), ("update", "new")])
def test_rows_with_a_key_that_is_there_are_ignored_or_updated(files: FileImport, action: str, body: str) -> None:
    drive.execute(files.target, "INSERT INTO t VALUES (1, 'old')")
    files.write("t.csv", "1,new,1\n2,new,2\n")
    files.run("--file-table-map", "t.csv:t", "--on-primary-key-conflict", action)
    assert files.rows("SELECT id, body FROM t ORDER BY 1") == [(1, body), (2, "new")]
    drive.execute(files.target, "CREATE TABLE keyless (id int)")
    files.write("k.csv", "1\n")
    error = files.refused("--file-table-map", "k.csv:keyless", "--on-primary-key-conflict", action, code=4)
    assert error["message"].startswith("public.keyless has no primary key")


def test_a_partitioned_table_is_loaded_judged_and_emptied_whole(files: FileImport) -> None:
    drive.execute(
        files.target,
        "CREATE TABLE p (id int) PARTITION BY RANGE (id); CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20)",
    )
    files.write("p.csv", "1\n11\n")
    files.run("--file-table-map", "p.csv:p")
    assert files.rows("SELECT (SELECT count(*) FROM p1), (SELECT count(*) FROM p2)") == [(1, 1)]
    given = ("--migration-name", "second", "--export-dir", files.directory / "other", "--file-table-map", "p.csv:p")
    assert "public.p holds rows" in files.refused(*given, code=4)["message"]
    files.write("p.csv", "2\n")
    files.run("--migration-name", "import-file", "--file-table-map", "p.csv:p", "--start-clean")
    assert files.rows("SELECT id FROM p") == [(2,)]
