"""Tables that were left behind, as one error: every one of them is named, each advice is given once."""

from __future__ import annotations

from voyager.errors import BlockersFound, DamagedFile, VoyagerError
from voyager.identifiers import TableName
from voyager.phases.load.failed_tables import together


def refused(*names: str) -> dict[TableName, VoyagerError]:
    tables = [TableName("app", name) for name in names]
    return {
        one: BlockersFound(f"{one} refused a row.", f"Correct {one} ({one.sql}), then run it again.") for one in tables
    }


def test_the_advice_to_one_table_is_given_for_all_that_it_goes_for() -> None:
    error = together(refused("c", "a", "b"))
    assert type(error) is BlockersFound
    assert error.message == "3 tables could not be loaded completely (app.a, app.b, app.c); all others are in."
    assert error.hint == 'Correct app.a ("app"."a"), then run it again. The same goes for app.b, app.c.'
    assert sorted(error.details) == [f"app.{name} refused a row." for name in "abc"]


def test_of_many_tables_a_few_are_named_in_the_advice_and_all_in_the_details() -> None:
    error = together(refused(*(f"t{number}" for number in range(9))))
    assert error.hint.endswith("The same goes for app.t1, app.t2, app.t3, app.t4, app.t5 and 3 more.")
    assert "app.t3, app.t4 and 4 more)" in error.message
    assert len(error.details) == 9


def test_other_advice_follows_that_for_most_tables_and_what_names_no_table_is_said_once() -> None:
    damaged: dict[TableName, VoyagerError] = {
        TableName("app", name): DamagedFile(f"The file of {name} is damaged.", "Restore the files.") for name in "yz"
    }
    error = together({**damaged, **refused("a", "b", "c")})
    assert type(error) is BlockersFound
    assert error.hint == (
        'Correct app.a ("app"."a"), then run it again. The same goes for app.b, app.c. Restore the files.'
    )


def test_the_error_of_one_table_stays_as_it_is() -> None:
    (one,) = refused("a").values()
    assert together({TableName("app", "a"): one}) is one
