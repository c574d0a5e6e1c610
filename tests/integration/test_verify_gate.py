"""What a cutover asks of the last verification, with the real command: age, coverage, what was written since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import drive
from tests.faults.trial import Staged, Trial, staged
from voyager.embedded import Server

SOURCE = """
CREATE TABLE orders (id int PRIMARY KEY, note text);
INSERT INTO orders SELECT n, 'note ' || n FROM generate_series(1, 300) n;
CREATE TABLE items (id int PRIMARY KEY, price numeric);
INSERT INTO items SELECT n, n / 4.0 FROM generate_series(1, 200) n;
"""


@pytest.fixture(scope="module")
def stages(source_server: Server, target_server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Staged]:
    directory = tmp_path_factory.mktemp("gate")
    with staged(source_server, target_server, directory, SOURCE, "IMPORT_DATA", within=True) as made:
        yield made


@pytest.fixture
def imported(stages: Staged) -> Trial:
    return stages.after("IMPORT_DATA")


@pytest.fixture
def verified(imported: Trial) -> Trial:
    """Verified on the spot: a database that was copied has counters of its own, and says that it was written."""
    imported.attempt("verify")
    return imported


def grow_old(migration: Trial, hours: float) -> None:
    """Plant an older moment in the state, as if the verification had been made then."""
    drive.execute(
        migration.target,
        "UPDATE ybvoyager.migration_state SET summary = jsonb_set(summary::jsonb, '{point,declared_at}', "
        f"to_jsonb(to_char((now() - interval '{hours} hours') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')))"
        " WHERE phase = 'VERIFY'",
    )


def test_a_fresh_whole_verification_opens_the_cutover(verified: Trial) -> None:
    assert verified.document("next")["next"]["kind"] == "run"
    verified.attempt("cutover", "initiate", "--verify-max-age", "24")


def test_an_old_one_blocks_only_where_a_limit_is_set_and_next_says_both_numbers(verified: Trial) -> None:
    grow_old(verified, 26)
    assert verified.document("next")["next"]["kind"] == "run"
    blocked = verified.document("next", "--verify-max-age", "24")["next"]
    assert (blocked["kind"], blocked["phase"]) == ("blocked", "CUTOVER")
    assert blocked["reason"] == "It was verified 26 h ago, the limit is 24 h."
    told = verified.attempt("next", env={"YB_VOYAGER_VERIFY_MAX_AGE": "24"}).stdout
    assert "verified 26 h ago, the limit is 24 h" in told
    assert "yb-voyager migrate verify" in told
    assert verified.document("next", "--verify-max-age", "27")["next"]["kind"] == "run"


def test_the_config_file_holds_the_limits_for_status_next_and_cutover(verified: Trial, tmp_path: Path) -> None:
    grow_old(verified, 3)
    config = tmp_path / "limits.yaml"
    config.write_text("cutover:\n  verify-max-age: 2\n  verify-min-coverage: 100\n")
    given = ("--config-file", config)
    assert "3 h ago, the limit is 2 h" in verified.document("next", *given)["next"]["reason"]
    assert "3 h ago, the limit is 2 h" in verified.document("status", *given)["next"]["reason"]
    assert "3 h ago, the limit is 2 h" in verified.attempt("cutover", "initiate", *given, code=5).stderr
    assert verified.state("CUTOVER") == "NOT_STARTED"
    verified.attempt("verify", *given)
    verified.attempt("cutover", "initiate", *given)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--verify-max-age", "0"), "hours above 0"),
        (("--verify-max-age", "soon"), "not a number"),
        (("--verify-max-age", "nan"), "hours above 0"),
        (("--verify-min-coverage", "0"), "percent, above 0"),
        (("--verify-min-coverage", "101"), "percent, above 0"),
    ],
)
def test_limits_that_mean_nothing_are_usage_errors(verified: Trial, words: tuple[str, ...], says: str) -> None:
    assert says in verified.attempt("cutover", "initiate", *words, code=2).stderr


@pytest.mark.slow
def test_a_part_of_the_tables_is_enough_only_where_less_coverage_is_asked_for(imported: Trial) -> None:
    imported.attempt("verify", "--table-list", "orders")
    told = imported.attempt("cutover", "initiate", code=5).stderr
    covered = "covers 60 % of the migrated rows (1 of 2 tables whole)"
    assert f"{covered}, 100 % is required: it left 1 of 2 tables out" in told
    imported.attempt("cutover", "initiate", "--verify-min-coverage", "61", code=5)
    done = imported.attempt("cutover", "initiate", "--verify-min-coverage", "60")
    assert f"{covered}: it left 1 of 2 tables out" in done.stdout + done.stderr


@pytest.mark.parametrize(("level", "says"), [("counts", "only counted rows"), ("schema", "compared no rows")])
def test_a_level_that_compares_no_values_covers_nothing(imported: Trial, level: str, says: str) -> None:
    imported.attempt("verify", "--level", level)
    told = imported.attempt("cutover", "initiate", "--verify-min-coverage", "1", code=5).stderr
    assert "covers 0 % of the migrated rows (0 of 2 tables whole), 1 % is required" in told
    assert says in told


def test_data_that_was_imported_again_is_not_what_was_verified(verified: Trial) -> None:
    verified.run("import", "data")
    told = verified.attempt("cutover", "initiate", code=5).stderr
    assert "Import Data was run again after the last verification" in told
    assert "was run again" in verified.document("next")["next"]["reason"]
    verified.attempt("verify")
    verified.attempt("cutover", "initiate")


def test_a_target_that_was_written_after_it_was_verified_is_noticed_and_named(verified: Trial) -> None:
    drive.execute(verified.target, "UPDATE items SET price = price WHERE id = 7")
    told = verified.attempt("cutover", "initiate", code=5).stderr
    assert "The target has been written since it was verified: public.items." in told
    assert "public.orders" not in told
    assert "public.items" in verified.document("next")["next"]["reason"]
    verified.attempt("verify")
    verified.attempt("cutover", "initiate")


def test_reading_and_vacuuming_the_target_is_no_write(verified: Trial) -> None:
    drive.execute(verified.target, "SELECT count(*) FROM items; ANALYZE items")
    drive.execute(verified.target, "VACUUM items")
    verified.attempt("cutover", "initiate")


def test_differences_are_named_and_only_the_migrations_name_passes_them(imported: Trial) -> None:
    drive.execute(imported.target, "UPDATE items SET price = 0 WHERE id = 5")
    imported.attempt("verify", code=3)
    told = imported.attempt("cutover", "initiate", code=5).stderr
    assert "found 1 difference (public.items)" in told
    assert f"--accept-unverified {imported.name}" in told
    imported.attempt("cutover", "initiate", "--accept-unverified", "another", code=2)
    imported.attempt("cutover", "initiate", "--accept-unverified", imported.name)
    sql = "SELECT detail -> 'overrides' FROM ybvoyager.events WHERE phase = 'CUTOVER' AND kind = 'transition'"
    assert (["verified"],) in drive.fetch(imported.target, sql)


def test_a_write_to_the_target_between_two_attempts_makes_saved_chunks_worthless(imported: Trial) -> None:
    """The ledger says that all was equal; the row that was changed in the target since is found all the same."""
    imported.attempt("verify")
    drive.execute(imported.target, "UPDATE items SET price = 0 WHERE id = 5")
    drive.execute(imported.target, "UPDATE ybvoyager.migration_state SET state = 'IN_PROGRESS' WHERE phase = 'VERIFY'")
    found = json.loads(imported.attempt("verify", "--output", "json", code=3).stdout)
    assert [one["object"] for one in found["summary"]["differences"]] == ["public.items"]
