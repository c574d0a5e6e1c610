"""An import of files that is run again, or asked about: what is said of rows set aside, and of what was in before."""

from __future__ import annotations

from tests import drive
from tests.file_import import FileImport, importing_into

STASH = ("--error-policy", "stash-and-continue")


files = importing_into("CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE u (id int PRIMARY KEY)")


def lines(first: int, end: int) -> str:
    return "".join(f"{n}\n" for n in range(first, end))


def words(text: str) -> str:
    return " ".join(text.split())


def test_rows_set_aside_are_told_by_next_and_status_until_they_are_in_whatever_else_is_loaded(
    files: FileImport,
) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD CONSTRAINT narrow CHECK (id NOT IN (3, 5))")
    files.write("t.csv", lines(0, 9))
    files.write("u.csv", lines(0, 4))
    told = files.run("--file-table-map", "t.csv:t", *STASH, code=12).document
    said = "2 rows of public.t were set aside by Import File and are not in the target."
    assert told["error"]["message"] == "Everything is loaded but 2 rows of public.t."
    assert told["next"]["reason"].startswith(f"{said} Everything else is done.")
    for _ in range(2):
        for command in ("next", "status"):
            shown = words(files.look(command).out)
            assert said in shown
            assert "migrate import file --replay-quarantine" in shown
            assert "Everything is done" not in shown
        assert "ROWS_SET_ASIDE" in files.look("status").out
        files.look("status", "--check", code=12)
        assert "2 rows set aside" in files.look("import", "file", "status").out
        # Other files that come in meanwhile change nothing of that.
        files.run("--file-table-map", "u.csv:u", *STASH, code=12)
    drive.execute(files.target, "ALTER TABLE t DROP CONSTRAINT narrow")
    files.run("--file-table-map", "t.csv:t", "--replay-quarantine")
    assert files.rows("SELECT count(*) FROM t") == [(9,)]
    for command in ("next", "status"):
        shown = words(files.look(command).out)
        assert "Everything is done" in shown
        assert "set aside" not in shown
    files.look("status", "--check")


def test_a_run_that_finds_nothing_to_load_says_so_and_one_that_adds_says_what_it_added(files: FileImport) -> None:
    files.write("t1.csv", lines(0, 20))
    assert files.run("--file-table-map", "t*.csv:t").document["headline"].startswith("Loaded 20 rows from 1 file (")
    again = files.run("--file-table-map", "t*.csv:t").document
    assert again["headline"] == "Nothing was left to load: 20 rows from 1 file (50 bytes) were loaded before."
    assert (again["summary"]["rows"], again["summary"]["rows_before"]) == (20, 20)
    files.write("t2.csv", lines(20, 25))
    more = files.run("--file-table-map", "t*.csv:t").document
    assert more["headline"] == (
        "Loaded 5 rows; with 20 that were loaded before, 25 rows from 2 files (65 bytes) are in 1 table."
    )
    assert files.rows("SELECT count(*), sum(id) FROM t") == [(25, 300)]


def test_giving_up_rows_where_none_is_set_aside_asks_nobody_and_ends_with_nothing_to_do(files: FileImport) -> None:
    drive.execute(files.target, "ALTER TABLE t ADD CONSTRAINT narrow CHECK (id NOT IN (3, 5))")
    files.write("t.csv", lines(0, 3))
    files.run("--file-table-map", "t*.csv:t")
    asking = [word for word in files.words("--discard-quarantine") if word != "--yes"]
    for given in (
        asking,
        files.words("--discard-quarantine"),
        files.words("--discard-quarantine", "--replay-quarantine"),
    ):
        done = drive.run_cli(*given)
        assert (done.returncode, "No rows are set aside" in done.stdout) == (13, True), done
    assert files.state() == "COMPLETED"
    # What is still to be loaded may be refused: then there is something to give up.
    files.write("t2.csv", lines(3, 6))
    assert drive.run_cli(*asking).returncode == 7
    files.tell("--discard-quarantine", *STASH)
    assert files.rows("SELECT id FROM t ORDER BY 1") == [(0,), (1,), (2,), (4,)]
    assert drive.run_cli(*asking).returncode == 13


def test_a_table_that_was_made_anew_is_not_taken_for_the_one_that_was_loaded(files: FileImport) -> None:
    anew = "DROP TABLE t; CREATE TABLE t (id int PRIMARY KEY)"
    files.write("t1.csv", lines(0, 20))
    files.run("--file-table-map", "t*.csv:t")
    files.write("t2.csv", lines(20, 80))
    drive.execute(files.target, anew)
    for given in (("--dry-run",), (), ()):
        error = files.refused("--file-table-map", "t*.csv:t", *given, code=5)
        assert "public.t is another table than the one that this import loaded 20 rows into" in error["message"]
        assert "--start-clean" in error["hint"]
        assert "--allow-non-empty" not in error["hint"]
        assert files.rows("SELECT count(*) FROM t") == [(0,)]
    files.run("--file-table-map", "t*.csv:t", "--start-clean")
    assert files.rows("SELECT count(*), sum(id) FROM t") == [(80, 3160)]
    files.run("--file-table-map", "t*.csv:t")

    # A server may move the rows into a new table: only people know. Those rows are never emptied then.
    drive.execute(files.target, "CREATE TABLE new (id int PRIMARY KEY); INSERT INTO new SELECT * FROM t;"
                                "DROP TABLE t; ALTER TABLE new RENAME TO t")  # fmt: skip
    assert "--allow-non-empty" in files.refused("--file-table-map", "t*.csv:t", code=5)["hint"]
    files.write("t3.csv", lines(80, 90))
    plan = files.run("--file-table-map", "t*.csv:t", "--allow-non-empty", "--dry-run").document["plan"]
    assert plan[0] == "take public.t for the table that rows were loaded into before, though it is another"
    assert "taken for the same" in files.run("--file-table-map", "t*.csv:t", "--allow-non-empty").err
    assert files.rows("SELECT count(*), sum(id) FROM t") == [(90, 4005)]
    assert "taken for the same" not in files.run("--file-table-map", "t*.csv:t").err
    files.run("--file-table-map", "t*.csv:t", "--start-clean", code=5)
    assert files.rows("SELECT count(*) FROM t") == [(90,)]


def test_a_table_that_was_emptied_by_hand_takes_further_files(files: FileImport) -> None:
    files.write("t1.csv", lines(0, 20))
    files.run("--file-table-map", "t*.csv:t")
    drive.execute(files.target, "TRUNCATE t; ALTER TABLE t ALTER id TYPE bigint")
    files.write("t2.csv", lines(20, 25))
    files.run("--file-table-map", "t*.csv:t")
    assert files.rows("SELECT count(*), sum(id) FROM t") == [(5, 110)]
