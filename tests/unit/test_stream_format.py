"""Which tables may travel in COPY's binary form."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voyager.catalog import Column, Table
from voyager.identifiers import TableName
from voyager.phases.export.stream_format import base_type, binary_alike
from voyager.ports import Capabilities

PG15, PG18 = Capabilities("15.18", 150018), Capabilities("18.6", 180006)


def table(*types: str, generated: str = "") -> Table:
    columns = tuple(Column(f"c{number}", one) for number, one in enumerate(types))
    computed = (Column("g", "xml", generated="s"),) if generated else ()
    return Table(TableName("public", "t"), "table", (*columns, *computed))


def there(*types: str) -> dict[str, str]:
    return {f"c{number}": one for number, one in enumerate(types)}


@pytest.mark.parametrize(
    ("type_name", "base"),
    [
        ("numeric(10,2)[]", "numeric"),
        ("numeric(3,-2)", "numeric"),
        ("timestamp(3) without time zone", "timestamp without time zone"),
        ("character varying(20)[]", "character varying"),
        ("interval day to second(3)", "interval"),
        ("interval(3)", "interval"),
        ('public."interval x"', 'public."interval x"'),
    ],
)
def test_a_type_is_known_without_its_modifier(type_name: str, base: str) -> None:
    assert base_type(type_name) == base


@pytest.mark.parametrize(
    "type_name", ["integer", "text", "numeric(20,3)", "jsonb", "uuid[]", "timestamp with time zone", '"char"', "inet"]
)
def test_the_same_built_in_type_on_both_sides_travels_in_binary(type_name: str) -> None:
    assert binary_alike(table(type_name, "bytea"), there(type_name, "bytea"), PG15, PG18)


@pytest.mark.parametrize(
    "type_name", ["public.mood", "public.mood[]", "xml", "money", "regclass", "tsvector", "hstore"]
)
def test_a_users_type_and_one_whose_form_is_not_certain_travel_as_text(type_name: str) -> None:
    assert not binary_alike(table("integer", type_name), there("integer", type_name), PG15, PG15)


@pytest.mark.parametrize(
    ("ours", "theirs"), [("integer", "bigint"), ("numeric(5,2)", "numeric(5,1)"), ("text", "citext")]
)
def test_other_types_on_the_target_travel_as_text(ours: str, theirs: str) -> None:
    assert not binary_alike(table(ours), there(theirs), PG15, PG15)


def test_generated_columns_do_not_travel_and_do_not_count() -> None:
    assert binary_alike(table("integer", generated="s"), there("integer"), PG15, PG15)


def test_a_table_of_which_no_column_travels_is_text() -> None:
    assert not binary_alike(table(generated="s"), {}, PG15, PG15)


def test_intervals_travel_as_text_to_a_server_that_does_not_know_infinite_ones() -> None:
    assert not binary_alike(table("interval"), there("interval"), PG18, PG15)
    assert binary_alike(table("interval"), there("interval"), PG15, PG18)
    assert binary_alike(table("interval[]"), there("interval[]"), PG18, PG18)


def test_servers_whose_times_may_be_floats_and_targets_that_nobody_tried_get_text() -> None:
    assert not binary_alike(table("integer"), there("integer"), Capabilities("9.6.24", 90624), PG15)
    assert not binary_alike(table("integer"), there("integer"), PG15, replace(PG15, binary_copy=False))
