"""Rows of files with the same key: by update the last one stays, by ignore the first, however they are cut."""

from __future__ import annotations

import json
import os
import signal

import pytest

from tests import drive
from tests.door import shut_door
from tests.faults.driver import wait_until
from tests.file_import import FileImport, importing_into

KEYS = 650
VERSIONS = 12
LOADED = "SELECT coalesce(sum(rows + ignored), 0) FROM ybvoyager.import_batches WHERE table_name = "
COUNTED = "SELECT sum(rows), sum(ignored), sum(updated), sum(quarantined) FROM ybvoyager.import_batches"
STASH = ("--error-policy", "stash-and-continue")


files = importing_into("CREATE TABLE t (id int PRIMARY KEY, version int, pad text)")


def versions(first: int, last: int) -> str:
    return "".join(f"{key},{version},{'p' * 95}\n" for version in range(first, last) for key in range(KEYS))


def loaded(files: FileImport, table: str) -> int:
    there = files.rows("SELECT to_regclass('ybvoyager.import_batches') IS NOT NULL")[0][0]
    return int(files.rows(f"{LOADED}'{table}'")[0][0]) if there else 0


@pytest.mark.parametrize(
    ("action", "stays"), [("update", VERSIONS - 1), pytest.param("ignore", 0, marks=pytest.mark.slow)]
)
def test_batches_of_a_table_come_in_order_also_after_a_kill_and_other_tables_do_not_wait(
    files: FileImport, action: str, stays: int
) -> None:
    drive.execute(files.target, "CREATE TABLE u (LIKE t INCLUDING ALL)")
    files.write("t1.csv", "-1,0,x\n" + versions(0, VERSIONS // 3))
    files.write("t2.csv", versions(VERSIONS // 3, VERSIONS))  # the larger one, but the later one
    files.write("u.csv", versions(0, VERSIONS))
    given = ("--file-table-map", "t1.csv:t,t2.csv:t,u.csv:u", "--on-primary-key-conflict", action)
    command = files.words("--data-dir", files.data, *given, "--batch-size", 100, "--parallel-jobs", 6)
    environment = {"YB_VOYAGER_LEASE_SECONDS": "2"}
    with drive.connect(files.target) as holder, holder.transaction(force_rollback=True):
        # The first batch of t, and no other, waits for this key.
        holder.execute("INSERT INTO t VALUES (-1, 0, 'held')")
        process = drive.start_cli(*command, env=environment)
        wait_until(lambda: process.poll() is not None or loaded(files, "u") == VERSIONS * KEYS)
        assert process.poll() is None, process.communicate()
        assert loaded(files, "t") == 0
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    with shut_door(files.target, "t", f"id = {KEYS // 2} AND version = {VERSIONS // 2}"):
        process = drive.start_cli(*command, env=environment)
        wait_until(lambda: process.poll() is not None or loaded(files, "t") > KEYS)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert KEYS < loaded(files, "t") < VERSIONS * KEYS
    done = drive.run_cli(*command, env=environment)
    assert done.returncode == 0, done.stderr
    for table in ("t", "u"):
        assert files.rows(f"SELECT version, count(*) FROM {table} WHERE id >= 0 GROUP BY 1") == [(stays, KEYS)]
    assert loaded(files, "t") == VERSIONS * KEYS + 1


def test_what_is_not_in_never_comes_after_later_rows_that_are(files: FileImport) -> None:
    files.write("t2.csv", versions(0, 3))
    given = ("--file-table-map", "t*.csv:t", "--batch-size", 100, "--on-primary-key-conflict", "update")
    files.run(*given)
    before = files.write("t1.csv", versions(7, 8))
    error = files.refused(code=5)
    assert str(before) in error["message"]
    assert "--migration-name" in error["hint"]
    before.unlink()
    assert files.rows("SELECT version, count(*) FROM t GROUP BY 1") == [(2, KEYS)]
    # As a run under another option may leave it, whose batches come in any order.
    drive.execute(files.target, "DELETE FROM ybvoyager.import_batches WHERE batch_no = 0")
    assert "earlier ones are not" in files.refused(code=5)["message"]
    assert files.rows("SELECT version, count(*) FROM t GROUP BY 1") == [(2, KEYS)]
    files.write("t3.csv", versions(3, 4))
    files.run("--start-clean")
    assert files.rows("SELECT version, count(*) FROM t GROUP BY 1") == [(3, KEYS)]


@pytest.mark.parametrize("size", [40, 20_000])
@pytest.mark.parametrize("policy", [(), STASH])
def test_a_key_twice_in_one_batch_ends_as_row_after_row_would(
    files: FileImport, policy: tuple[str, ...], size: int
) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD UNIQUE (version); INSERT INTO t VALUES (5, -5, 'old')")
    text = "".join(f"{n % 1000},{n},{'p' * 95}\n" for n in range(3000))
    files.write("t.csv", text)
    given = ("--file-table-map", "t.csv:t", "--batch-size", size, *policy)
    files.run(*given, "--on-primary-key-conflict", "update")
    expected = [(n, 2000 + n) for n in range(1000)]
    assert files.rows("SELECT id, version FROM t ORDER BY 1") == expected
    assert files.rows(COUNTED) == [(3000, 0, 2001, 0)]
    drive.execute(files.target, "TRUNCATE t; INSERT INTO t VALUES (5, -5, 'old')")
    other = ("--migration-name", "other", "--export-dir", files.directory / "other")
    files.run(*other, *given, "--on-primary-key-conflict", "ignore")
    assert files.rows("SELECT id, version FROM t ORDER BY 1") == [(n, -5 if n == 5 else n) for n in range(1000)]
    assert files.rows(f"{COUNTED} GROUP BY migration_uuid ORDER BY 1") == [(999, 2001, 0, 0), (3000, 0, 2001, 0)]


@pytest.mark.parametrize("action", ["update", "ignore"])
def test_a_replay_writes_over_no_row_that_may_be_a_later_one(files: FileImport, action: str) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD CONSTRAINT few CHECK (version NOT IN (10, 11, 30, 31, 32, 40))")
    files.write("t1.csv", "1,10,older\n2,20,x\n3,30,older\n3,31,y")
    files.write("t2.csv", "1,12,x\n3,32,newest\n4,40,alone")
    given = ("--file-table-map", "t*.csv:t", "--on-primary-key-conflict", action, *STASH)
    files.run(*given, code=12)
    assert files.rows("SELECT id, version FROM t ORDER BY 1") == [(1, 12), (2, 20)]
    drive.execute(files.target, "ALTER TABLE t DROP CONSTRAINT few")
    told = files.tell("--replay-quarantine", code=0 if action == "ignore" else 12)
    stays = 30 if action == "ignore" else 32
    assert files.rows("SELECT id, version FROM t ORDER BY 1") == [(1, 12), (2, 20), (3, stays), (4, 40)]
    if action == "ignore":
        assert files.rows(COUNTED) == [(4, 3, 0, 0)]
        return
    assert files.rows(COUNTED) == [(4, 0, 0, 3)]
    assert "3 rows of public.t stay set aside: the target holds the same keys" in told.err
    assert (
        files.rows("SELECT file FROM ybvoyager.quarantined_rows WHERE status = 'set_aside' ORDER BY 1")
        == [(str(files.data / "t1.csv"),)] * 3
    )
    files.tell("--discard-quarantine")
    assert files.rows("SELECT id, version FROM t ORDER BY 1") == [(1, 12), (2, 20), (3, stays), (4, 40)]


@pytest.mark.parametrize("action", ["error", "update", "ignore"])
def test_a_refused_row_is_named_by_file_and_line_whatever_brings_it_in(files: FileImport, action: str) -> None:
    drive.execute(
        files.target,
        "ALTER TABLE t ADD CHECK (version <> 1999), ADD UNIQUE (pad);"
        "CREATE TABLE u (LIKE t INCLUDING ALL); INSERT INTO u VALUES (-1, -1, 'taken')",
    )
    lines = [f'{n},{n},"p\n{n}"\n' for n in range(3000)]
    path = files.write("t.csv", "".join(lines))
    error = files.refused(
        "--file-table-map", "t.csv:t", "--batch-size", 1000, "--on-primary-key-conflict", action, code=4
    )
    assert f"({path}, line {2 * 1999 + 1:,}): " in error["message"]
    assert "violates check constraint" in error["message"]
    assert files.rows("SELECT count(*) FROM t WHERE id = 1999") == [(0,)]
    if action == "error":
        return
    lines[1500], lines[1999] = "1500,1500,taken\n", ""
    path = files.write("u.csv", "".join(lines))
    other = ("--migration-name", "other", "--export-dir", files.directory / "other", "--file-table-map", "u.csv:u")
    error = files.refused(*other, "--on-primary-key-conflict", action, code=4)
    assert f"({path}, line 3,001): " in error["message"]
    assert error["message"].endswith("Key (pad)=(taken)")
    assert files.rows("SELECT count(*) FROM u") == [(1,)]


def test_rows_that_are_ignored_or_updated_are_told_by_table_in_words_and_numbers(files: FileImport) -> None:
    drive.execute(
        files.target, "ALTER TABLE t ADD CHECK (version <> 9); INSERT INTO t SELECT i, 0 FROM generate_series(1, 3) i"
    )
    files.write("t.csv", "1,1,x\n2,1,x\n3,1,x\n4,1,x\n5,1,x\n6,9,x\n")
    given = ("--file-table-map", "t.csv:t", *STASH, "--on-primary-key-conflict")
    told = files.run(*given, "ignore", code=12).document
    assert told["summary"]["by_table"]["public.t"] | {"bytes": 0} == {
        **{"files": 1, "rows": 2, "bytes": 0, "set_aside": 1, "discarded": 0, "ignored": 3, "updated": 0}
    }
    assert "public.t: 3 rows ignored, for the table held their keys" in told["details"]
    status = drive.run_cli(*files.words()[:3], "status", *files.words()[3:-3])
    assert "public.t: 3 of the rows were ignored, for the table held their keys." in status.stdout
    counted = drive.run_cli(*files.words()[:3], "status", *files.words()[3:-1])
    document = json.loads(counted.stdout)
    assert (document["ignored"], document["updated"]) == ({"public.t": 3}, {})
    table = document["tables"][0]
    assert (table["rows_done"], table["rows_total"], table["rows_quarantined"]) == (5, 6, 1)
    # By the ledger alone, too, as it is told when nothing is left to do.
    files.tell(code=12)
    assert files.rows("SELECT rows_done, rows_total FROM ybvoyager.table_progress WHERE table_name = 't'") == [(5, 6)]
    other = ("--migration-name", "other", "--export-dir", files.directory / "other")
    told = files.run(*other, *given, "update", code=12).document
    assert "public.t: 5 rows put in the place of one with the same key" in told["details"]


def test_keys_that_the_server_makes_or_counts_alike_are_told_apart_by_it(files: FileImport) -> None:
    drive.execute(
        files.target,
        "CREATE TABLE made (ybvoyager_place serial, n numeric, body text, PRIMARY KEY (ybvoyager_place));"
        "CREATE TABLE alike (n numeric, part text, body text, PRIMARY KEY (part, n))",
    )
    files.write("made.csv", "n,body\n1,a\n1,a\n")
    files.write("alike.csv", "n,part,body\n1,x,a\n1.0,x,b\n1,y,c\n01.00,x,d\n")
    files.run(
        "--file-table-map", "made.csv:made,alike.csv:alike", "--has-header", "--on-primary-key-conflict", "update"
    )
    assert files.rows("SELECT * FROM made ORDER BY 1") == [(1, 1, "a"), (2, 1, "a")]
    assert files.rows("SELECT part, body FROM alike ORDER BY 1") == [("x", "d"), ("y", "c")]
