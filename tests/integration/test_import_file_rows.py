"""Rows of files that the target refuses, or holds already: set aside with their place, left alone, or updated."""

from __future__ import annotations

import gzip
import socket
from dataclasses import replace

import pytest

from tests import drive
from tests.faults.driver import locked, wait_until
from tests.file_import import FileImport, importing_into
from tests.scrape import asked
from voyager.embedded import Server

STASH = ("--error-policy", "stash-and-continue")
ASIDE = (
    "SELECT key, reason, sqlstate, file, file_offset, row_values FROM ybvoyager.quarantined_rows ORDER BY file_offset"
)


files = importing_into("CREATE TABLE t (id int PRIMARY KEY, body text, amount numeric)")


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
    assert files.rows("SELECT rows_quarantined FROM ybvoyager.table_progress WHERE table_name = 't'") == [(4,)]
    again = files.tell(code=12)
    assert again.document["error"]["kind"] == "RowsSetAside"
    assert files.rows("SELECT count(*) FROM t") == [(29_996,)]


def test_values_are_kept_where_they_are_asked_for_in_both_formats(files: FileImport) -> None:
    long = "x" * 200_000
    files.write("t.csv", f'1,"a, ""b""",x\n2,{long},y\n')
    files.write("t.txt", "2\ta\\tb\tNULL\n3\t\\N\ty\n")
    files.run("--file-table-map", "t.csv:t", *STASH, "--quarantine-values", code=12)
    assert [(row[0], row[5]) for row in files.rows(ASIDE)] == [
        ({"id": "1"}, {"id": "1", "body": 'a, "b"', "amount": "x"}),
        ({"id": "2"}, {"id": "2", "body": long, "amount": "y"}),
    ]
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
    files.write("k.csv", "1\n1\n")
    given = ("--file-table-map", "k.csv:keyless", "--on-primary-key-conflict", action)
    if action == "ignore":
        files.run(*given)
        files.run()  # what this import loaded itself is no obstacle
        given += ("--migration-name", "other", "--export-dir", files.directory / "other")
    error = files.refused(*given, code=4)
    assert error["message"].startswith("public.keyless has no primary key")
    assert files.rows("SELECT count(*) FROM keyless") == [(2 if action == "ignore" else 0,)]


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


def widened(files: FileImport) -> None:
    drive.execute(files.target, "ALTER TABLE t DROP CONSTRAINT narrow")


@pytest.mark.parametrize("form", ["plain", "gz", "utf-16", "crlf with a header"])
def test_rows_set_aside_are_read_from_their_file_again_and_loaded_once(files: FileImport, form: str) -> None:
    bad = (0, 1, 2, 9_000, 20_000, 29_999)
    drive.execute(files.target, f"ALTER TABLE t ADD CONSTRAINT narrow CHECK (id NOT IN {bad})")
    text, name, more = rows(bad={29_999: "29999,last,1"}), "t.csv", ()
    if form == "gz":
        name = "t.csv.gz"
        files.write(name, gzip.compress(text.encode()))
    elif form == "utf-16":
        files.write(name, text.replace("b\n", "bé\n").encode("utf-16"))
        more = ("--encoding", "utf-16")
    elif form == "plain":
        files.write(name, text)
    else:
        text = ("body,id,amount\n" + "".join(f'"b\n{n}",{n},{n}\n' for n in range(30_000))).replace("\n", "\r\n")
        files.write(name, text)
        more = ("--has-header",)
    files.run("--file-table-map", f"{name}:t", "--batch-size", 5000, *STASH, *more, code=12)
    assert files.rows("SELECT count(*) FROM t") == [(30_000 - len(bad),)]
    assert "replay-quarantine" in files.tell("--replay-quarantine", code=12).document["error"]["hint"]
    assert files.rows("SELECT count(*) FROM t") == [(30_000 - len(bad),)]

    widened(files)
    assert files.tell("--replay-quarantine").document["summary"]["set_aside"] == 0
    assert files.rows("SELECT count(*), sum(id), min(id), max(id) FROM t") == [(30_000, 449985000, 0, 29_999)]
    assert files.rows("SELECT sum(rows), sum(quarantined) FROM ybvoyager.import_batches") == [(30_000, 0)]
    assert files.rows("SELECT DISTINCT status FROM ybvoyager.quarantined_rows") == [("replayed",)]
    newline = "\r\n" if form.startswith("crlf") else "\n"
    accent = "é" if form == "utf-16" else ""
    assert files.rows("SELECT body FROM t WHERE id = 9000") == [(f"b{accent}{newline}9000",)]
    files.tell("--replay-quarantine")
    assert files.rows("SELECT count(*) FROM t") == [(30_000,)]


def test_a_replay_says_which_files_are_gone_and_loads_the_rows_of_the_others(files: FileImport) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD CONSTRAINT narrow CHECK (id % 10 <> 7)")
    files.write("a.csv", "".join(f"{n},x,1\n" for n in range(100)))
    gone = files.write("b.csv", "".join(f"{n},x,1\n" for n in range(100, 200)))
    files.run("--file-table-map", "*.csv:t", *STASH, code=12)
    plan = files.tell("--replay-quarantine", "--dry-run").document["plan"]
    assert "load 20 rows of public.t that were set aside" in plan
    gone.rename(files.directory / "away.csv")
    widened(files)
    error = files.tell("--replay-quarantine", code=10).document["error"]
    assert error["message"].startswith("10 rows set aside cannot be loaded again")
    assert error["details"] == [f"{gone}: 10 for public.t"]
    assert files.rows("SELECT count(*) FROM t") == [(190,)]
    (files.directory / "away.csv").rename(gone)
    files.tell("--replay-quarantine")
    assert files.rows("SELECT count(*), count(DISTINCT id) FROM t") == [(200, 200)]


def test_a_replay_goes_on_past_tables_that_are_gone_and_names_them_at_the_end(files: FileImport) -> None:
    for name in ("a", "m", "z"):
        drive.execute(files.target, f"CREATE TABLE {name} (id int CONSTRAINT narrow CHECK (id % 10 <> 7), body text)")
        files.write(f"{name}.csv", "".join(f"{n},x\n" for n in range(100)))
    files.run("--file-table-map", "a.csv:a,m.csv:m,z.csv:z", *STASH, code=12)
    drive.execute(files.target, "DROP TABLE a, m; ALTER TABLE z DROP CONSTRAINT narrow")
    assert (
        "load 10 rows of public.z that were set aside"
        in files.tell("--replay-quarantine", "--dry-run").document["plan"]
    )
    for given in ("--replay-quarantine", "--discard-quarantine"):
        refused = files.tell("--start-clean", given, code=2).document["error"]
        assert refused["message"].startswith(f"{given} is about rows that an earlier run set aside")
    assert files.rows("SELECT count(*) FROM z") == [(90,)]
    error = files.tell("--replay-quarantine", code=4).document["error"]
    assert error["message"].startswith("2 tables could not be loaded completely (public.a, public.m)")
    assert "10 rows of public.a that were set aside cannot be loaded" in error["details"][0]
    assert "--discard-quarantine" in error["hint"]
    assert files.rows("SELECT count(*), count(DISTINCT id) FROM z") == [(100, 100)]
    # Without a word on rows set aside, a table that is gone is a mistake as ever.
    assert files.tell(code=2).document["error"]["message"].startswith("The target has no table a")
    given_up = files.tell("--replay-quarantine", "--discard-quarantine").document["summary"]
    assert (given_up["set_aside"], given_up["discarded"]) == (0, 20)
    assert files.rows("SELECT count(*) FROM z") == [(100,)]


def test_a_file_that_is_not_all_in_is_not_passed_over_because_its_table_is_gone(files: FileImport) -> None:
    drive.execute(files.target, "CREATE TABLE a (id int CHECK (id <> 7))")
    files.write("a.csv", "7\n8\n")
    files.run("--file-table-map", "a*.csv:a", *STASH, code=12)
    files.write("a2.csv", "9\n")
    drive.execute(files.target, "DROP TABLE a")
    error = files.tell("--replay-quarantine", code=2).document["error"]
    assert error["message"] == f"The target has no table public.a any more, and not all of {files.data}/a2.csv is in."


def test_rows_that_are_given_up_are_asked_for_told_and_stay_on_record(files: FileImport) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD CONSTRAINT narrow CHECK (id NOT IN (3, 5))")
    path = files.write("t.csv", "".join(f"{n},x,1\n" for n in range(9)))
    told = files.run("--file-table-map", "t.csv:t", *STASH, code=12)
    assert f"public.t refuses rows, which are set aside. The first of them is in {path}: new row for" in told.err
    assert "--discard-quarantine" in told.document["error"]["hint"]
    plan = files.tell("--discard-quarantine", "--dry-run").document["plan"]
    assert "give up the rows of public.t that are set aside" in plan
    without_answer = [word for word in files.words("--discard-quarantine") if word != "--yes"]
    assert drive.run_cli(*without_answer).returncode == 7
    assert {status for (status,) in files.rows("SELECT status FROM ybvoyager.quarantined_rows")} == {"set_aside"}

    drive.execute(files.target, "ALTER TABLE t DROP CONSTRAINT narrow; ALTER TABLE t ADD CHECK (id <> 3)")
    both = files.tell("--replay-quarantine", "--discard-quarantine")
    assert "1 row of public.t that was set aside: given up" in both.err
    assert (both.document["summary"]["set_aside"], both.document["summary"]["discarded"]) == (0, 1)
    by_table = both.document["summary"]["by_table"]["public.t"]
    assert (by_table["rows"], by_table["set_aside"], by_table["discarded"]) == (8, 0, 1)
    kept = files.rows("SELECT status, key FROM ybvoyager.quarantined_rows ORDER BY status")
    assert kept == [("discarded", {"id": "3"}), ("replayed", {"id": "5"})]
    assert files.rows("SELECT id FROM t ORDER BY 1") == [(n,) for n in range(9) if n != 3]
    assert files.rows("SELECT rows_quarantined FROM ybvoyager.table_progress WHERE table_name = 't'") == [(0,)]
    # Given up for good: nothing is loaded or told again, whatever would take it now.
    assert files.tell("--replay-quarantine").document["summary"]["discarded"] == 1
    assert files.rows("SELECT count(*) FROM t") == [(8,)]


def test_prometheus_is_told_of_an_import_of_files_while_it_runs(files: FileImport) -> None:
    files.write("t.csv", "".join(f"{n},x,1\n" for n in range(9)))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = int(other.getsockname()[1])
        refused = files.refused("--file-table-map", "t.csv:t", "--metrics-port", port, code=2)
        assert f"127.0.0.1:{port}" in refused["message"]
    with locked(files.target, "t", "SHARE"):
        process = drive.start_cli(
            *files.words("--metrics-port", port, "--file-table-map", "t.csv:t", "--data-dir", files.data)
        )
        wait_until(lambda: process.poll() is not None or 'status="QUEUED"} 1' in asked(port))
        told = asked(port)
    assert process.wait(60) == 0, process.communicate()
    process.communicate()
    assert 'yb_voyager_bytes_expected{migration="import-file",phase="IMPORT_FILE"} 54' in told
    assert 'yb_voyager_tables{migration="import-file",phase="IMPORT_FILE",status="QUEUED"} 1' in told
    assert asked(port) == ""
    assert files.rows("SELECT count(*) FROM t") == [(9,)]


def test_sequences_stand_beyond_what_was_loaded_and_tables_are_analyzed(files: FileImport) -> None:
    drive.execute(
        files.target,
        "CREATE TABLE s (id serial PRIMARY KEY, n int GENERATED BY DEFAULT AS IDENTITY, d int);"
        "CREATE SEQUENCE falling INCREMENT -1; ALTER TABLE s ALTER d SET DEFAULT nextval('falling');"
        "CREATE TABLE p (id serial, k int) PARTITION BY LIST (k); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "CREATE TABLE beside (id serial); CREATE SEQUENCE further; SELECT setval('further', 900);"
        "CREATE TABLE f (id int DEFAULT nextval('further'))",
    )
    files.write("s.csv", "41,100,-5\n7,300,-9\n")
    files.write("p.csv", "17,1\n")
    files.write("f.csv", "17\n")
    told = files.run("--file-table-map", "s.csv:s,p.csv:p1,f.csv:f").document
    assert told["summary"]["sequences"] == ["public.falling", "public.p_id_seq", "public.s_id_seq", "public.s_n_seq"]
    drive.execute(files.target, "INSERT INTO s DEFAULT VALUES; INSERT INTO p (k) VALUES (1)")
    assert files.rows("SELECT id, n, d FROM s WHERE id > 41") == [(42, 301, -10)]
    assert files.rows("SELECT id FROM p WHERE id > 17") == [(18,)]
    assert files.rows("SELECT nextval('beside_id_seq'), nextval('further')") == [(1, 901)]
    analyzed = files.rows("SELECT reltuples FROM pg_class WHERE relname IN ('s', 'p1', 'f') ORDER BY relname")
    assert [count for (count,) in analyzed] == [1, 1, 2]
    assert files.tell().document["summary"]["sequences"] == []


def test_a_role_that_may_not_move_sequences_is_told_and_its_rows_stay(files: FileImport, target_server: Server) -> None:
    drive.execute(
        files.target,
        "CREATE TABLE s (id serial PRIMARY KEY); CREATE ROLE loads_files LOGIN PASSWORD 'x';"
        "GRANT USAGE, CREATE ON SCHEMA public TO loads_files; GRANT CREATE ON DATABASE "
        f"{files.target.database} TO loads_files; GRANT SELECT, INSERT ON s TO loads_files",
    )
    try:
        files.write("s.csv", "41\n")
        owner, files.target = files.target, replace(files.target, user="loads_files", password="x")
        answer = files.run("--file-table-map", "s.csv:s")
        assert answer.document["summary"]["sequences"] == []
        assert "Sequences were not moved beyond the rows that were loaded" in answer.err
        assert drive.fetch(owner, "SELECT id FROM s") == [(41,)]
        assert drive.fetch(owner, "SELECT nextval('s_id_seq')") == [(1,)]
    finally:
        drive.execute(owner, "DROP OWNED BY loads_files CASCADE; DROP ROLE loads_files")
