"""The table of canonical forms, held to what servers store: equal forms for equal values, and only for those."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import drive
from tests.typed_values import BASE_TYPES, KINDS, TYPED_EDGES, VALUES
from voyager.embedded import Server
from voyager.verification.canonical import TABLE, TYPED
from voyager.verification.digest import MD5, Method, row_number
from voyager.verification.forms import canonical_of, choose
from voyager.verification.session import apply_session_settings
from voyager.verification.structure import ColumnShape

EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))

TYPES = """
CREATE SCHEMA s;
CREATE EXTENSION citext SCHEMA s; CREATE EXTENSION hstore SCHEMA s;
CREATE TYPE s.mood AS ENUM ('sad', 'ok', 'Ok', 'happy, even', '');
CREATE TYPE s.pair AS (a int, b text);
CREATE DOMAIN s.positive AS numeric CHECK (value >= 0);
CREATE DOMAIN s.deep AS s.positive;
CREATE TYPE s.floats AS RANGE (subtype = float8);
"""


@pytest.fixture(scope="module")
def ends(source_server: Server, pg15_server: Server) -> Iterator[dict[str, psycopg.Connection[Any]]]:
    """A session on PostgreSQL 18 and one on 15, as a verification reads, in databases with the types above."""
    found = {}
    for name, server in (("18", source_server), ("15", pg15_server)):
        database = f"forms_{name}"
        drive.execute(server.endpoint(), f"CREATE DATABASE {database} TEMPLATE template0")
        drive.execute(server.endpoint(database), TYPES)
        found[name] = drive.connect(server.endpoint(database))
        apply_session_settings(found[name], {"default_transaction_read_only": "off"})
    yield found
    for connection, server in zip(found.values(), (source_server, pg15_server), strict=True):
        name = connection.info.dbname
        connection.close()
        drive.execute(server.endpoint(), f"DROP DATABASE {name} WITH (FORCE)")


def test_every_typed_row_of_the_table_has_its_edge_values_here() -> None:
    assert {row.name for row in TABLE if row.family == TYPED} == set(TYPED_EDGES)


@pytest.mark.parametrize("version", ["18", "15"])
@pytest.mark.parametrize("name", TYPED_EDGES)
def test_a_typed_hash_tells_the_edge_values_of_its_type_apart(
    ends: dict[str, psycopg.Connection[Any]], name: str, version: str
) -> None:
    row = next(row for row in TABLE if row.name == name)
    type_name, values = TYPED_EDGES[name]
    ways = [row.typed, *([row.newest] if version == "18" and row.newest else [])]
    rows = ", ".join(f"({place}, ({value})::{type_name})" for place, value in enumerate(values))
    for typed in ways:
        for seed in ("1", "7", "-3000000000000000000"):
            number = typed.replace("{v}", "t.v").replace("{s}", seed)
            hashes = ends[version].execute(f"SELECT {number} FROM (VALUES {rows}) AS t(place, v)").fetchall()
            assert len({found for (found,) in hashes}) == len(values)
    # The hash of another seed is another one: columns with the same value differ by their place.
    one, other = (row.typed.replace("{v}", "t.v").replace("{s}", seed) for seed in "12")
    same = ends[version].execute(f"SELECT count(*) FROM (VALUES {rows}) AS t(place, v) WHERE {one} = {other}")
    assert same.fetchone() == (0,)


@given(number=st.integers(-(2**63), 2**63 - 1), other=st.integers(-(2**63), 2**63 - 1))
@EXAMPLES
def test_whole_numbers_and_instants_that_fold_to_the_same_32_bits_are_told_apart(
    ends: dict[str, psycopg.Connection[Any]], number: int, other: int
) -> None:
    """hashint8extended, and with it timestamp_hash_extended, would take the two for one."""
    high, low = divmod(number, 2**32)
    moved = other % 2**31
    # The upper half is folded into the lower one, inverted below zero: the same fold with another upper half.
    fold = low ^ (high if high >= 0 else ~high) % 2**32
    partner = moved * 2**32 + (fold ^ moved)
    if partner == number:
        return
    connection = ends["18"]
    blind = "SELECT hashint8extended(%(a)s::bigint, 1) = hashint8extended(%(b)s::bigint, 1)"
    assert connection.execute(blind, {"a": number, "b": partner}).fetchone() == (True,)
    int8 = next(row for row in TABLE if row.name == "int8")
    one, other_sql = (int8.typed.replace("{s}", "1").replace("{v}", f"%({name})s::bigint") for name in "ab")
    assert connection.execute(f"SELECT {one} = {other_sql}", {"a": number, "b": partner}).fetchone() == (False,)
    stamps = next(row for row in TABLE if row.name == "timestamp")
    day, microseconds = divmod(number % (2**62), 86_400_000_000)
    day_of_partner, rest = divmod(partner % (2**62), 86_400_000_000)
    if (day, microseconds) == (day_of_partner, rest):
        return
    values = [
        f"('2000-01-01'::timestamp + {days} * interval '1 day' + {micro} * interval '1 microsecond')"
        for days, micro in ((day, microseconds), (day_of_partner, rest))
    ]
    one, other_sql = (stamps.typed.replace("{s}", "1").replace("{v}", value) for value in values)
    assert connection.execute(f"SELECT {one} = {other_sql}").fetchone() == (False,)


def column(type_name: str, name: str = "v") -> ColumnShape:
    base = BASE_TYPES.get(type_name) or re.sub(r"\(.*\)", "", type_name)
    return ColumnShape(name, type_name, base, KINDS.get(type_name, "b"))


def test_every_row_of_the_table_is_tried() -> None:
    # xml takes servers that are built with libxml: tests/faults/test_hostile_values.py compares its values on two.
    assert {row.name for row in TABLE} - {"xml"} == {canonical_of(column(type_name)).name for type_name in VALUES}


@pytest.mark.parametrize("type_name", VALUES)
def test_forms_are_equal_exactly_when_the_stored_values_are(
    ends: dict[str, psycopg.Connection[Any]], type_name: str
) -> None:
    """Text and number, by every method, on both servers and between them. The judge is PostgreSQL's own comparison of
    stored bytes; floating-point numbers come from text, where NaN has one representation."""

    def hold(values: list[str]) -> None:
        here, there = (_forms(ends[version], type_name, values, METHODS[version]) for version in ("18", "15"))
        # The last one is of the newest hash functions, which 15 has not.
        assert [row[1:-1] for row in here] == [row[1:] for row in there]
        stored = _stored_equal(ends["18"], type_name, values)
        for one, other in itertools.combinations(range(len(values)), 2):
            equal = (one, other) in stored
            for number in range(1, len(here[one])):
                assert (here[one][number] == here[other][number]) == equal, (values[one], values[other])

    hold(list(VALUES[type_name].edges))
    EXAMPLES(given(st.lists(VALUES[type_name].any, min_size=2, max_size=8))(hold))()


COMMON = (Method(), Method(MD5), Method(one_encoding=False), Method(exact_floats=False))
METHODS = {"18": (*COMMON, Method(newest=True)), "15": COMMON}


def _forms(
    connection: psycopg.Connection[Any], type_name: str, values: list[str], methods: tuple[Method, ...]
) -> list[tuple[Any, ...]]:
    """(place, text, number by each method …) of each value."""
    shape = column(type_name)
    selected = []
    for method in methods:
        form = choose(shape, shape, method)
        selected.append(row_number([form.valued(0)], method))
        if form.family != TYPED and not method.newest:
            selected.append(form.valued(0).sql)
    return _select(connection, type_name, values, ", ".join(selected))


def _stored_equal(connection: psycopg.Connection[Any], type_name: str, values: list[str]) -> set[tuple[int, int]]:
    given_values = _given(type_name)
    pairs = (
        f"SELECT a.place, b.place FROM {given_values} AS a JOIN {given_values} AS b ON a.place < b.place "
        "WHERE record_image_eq(ROW(a.v), ROW(b.v))"
    )
    return {(one - 1, other - 1) for one, other in connection.execute(pairs, {"values": values}).fetchall()}


def _select(
    connection: psycopg.Connection[Any], type_name: str, values: list[str], selected: str
) -> list[tuple[Any, ...]]:
    sql = f"SELECT t.place, {selected.replace('%', '%%')} FROM {_given(type_name)} AS t ORDER BY 1"
    return connection.execute(sql, {"values": values}).fetchall()


def _given(type_name: str) -> str:
    values = "unnest(%(values)s::text[]) WITH ORDINALITY AS w(v, place)"
    return f"(SELECT w.place, w.v::{type_name} AS v FROM {values})"


# -- two ends that do not have the same type --------------------------------------------------------------------------

# types of the two ends, and when PostgreSQL itself takes a value of the one for one of the other
PAIRS = [
    ("integer", "bigint", "a::numeric = b::numeric"),
    ("smallint", "integer", "a::numeric = b::numeric"),
    ("bigint", "numeric", "a::numeric = b::numeric"),
    ("integer", "numeric(12,3)", "a::numeric = b::numeric"),
    ("numeric(10,2)", "numeric(12,4)", "a = b"),
    ("numeric", "numeric(30,6)", "a = b"),
    ("real", "double precision", "record_image_eq(ROW(a::float8), ROW(b))"),
    ("character(5)", "character(9)", "a = b"),
    ("character varying(40)", "text", "record_image_eq(ROW(a::text), ROW(b))"),
    ("bpchar", "text", 'textin(bpcharout(a)) = b COLLATE "C"'),
    ("s.mood", "text", "a::text = b"),
]
SHARED = {
    "smallint": ("0", "1", "-1", "256", "NULL"),
    "integer": ("0", "1", "-1", "65536", "123456789", "NULL"),
    "bigint": ("0", "1", "-1", "9007199254740993", "9223372036854775807", "NULL"),
    "numeric(10,2)": ("0", "1", "1.1", "1.10", "-1.25", "100", "NaN", "NULL"),
    "numeric": ("0", "0.000", "1", "1.0", "1e3", "0.001", "NaN", "NULL"),
    "real": ("0", "-0", "0.1", "1e-45", "NaN", "Infinity", "16777216", "NULL"),
    "character(5)": ("", "a", "a b", "A", "NULL"),
    "character varying(40)": ("", "a", "a ", "A", "ä", "NULL"),
    "bpchar": ("", "a", "a ", "A", "NULL"),
    "s.mood": ("sad", "Ok", "ok", "", "NULL"),
}


@pytest.mark.parametrize(("here", "there", "same"), PAIRS, ids=lambda part: part)
def test_columns_of_two_types_are_compared_by_value(
    ends: dict[str, psycopg.Connection[Any]], here: str, there: str, same: str
) -> None:
    for method in METHODS["18"]:
        form = choose(column(here, "a"), column(there, "a"), method)
        other = choose(column(here, "b"), column(there, "b"), method)
        one, two = (row_number([side], method) for side in (form.valued(0), other.valued(1)))
        values = [None if value == "NULL" else value for value in SHARED[here]]
        pairs = (
            f"SELECT t.a IS NULL AND t.b IS NULL OR ({same}) IS TRUE, {one} = {two}, t.a::text, t.b::text "
            f"FROM (SELECT v::{here} AS a, w::{there} AS b FROM unnest(%(values)s::text[]) v, "
            f"unnest(%(values)s::text[]) w) AS t"
        )
        rows = ends["18"].execute(pairs, {"values": values}).fetchall()
        assert [row for row in rows if row[0] != row[1]] == []
        assert any(equal for equal, *_ in rows)


# -- rounding ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("type_name", "digits"), [("real", 6), ("double precision", 15)])
def test_rounded_forms_are_equal_exactly_when_the_leading_digits_are(
    ends: dict[str, psycopg.Connection[Any]], type_name: str, digits: int
) -> None:
    form = choose(column(type_name), column(type_name), Method())
    # Short of the largest value, which has no neighbour above it.
    width, most = (32, 2.0**126) if type_name == "real" else (64, 2.0**1022)

    @given(value=st.floats(-most, most, width=width), nearly=st.floats(0.999999, 1.000001))
    @EXAMPLES
    def check(value: float, nearly: float) -> None:
        texts = [repr(value), repr(value * nearly), repr(value * (1 + 10.0 ** -(digits + 1))), "-0", "0"]
        for version in ("18", "15"):
            selected = f"{form.once_rounded.valued(0).sql}, v::float8::text"
            rows = _select(ends[version], type_name, texts, selected)
            for one, other in itertools.combinations(rows, 2):
                leading = [Decimal(f"{float(row[2]):.{digits}g}") for row in (one, other)]
                assert (one[1] == other[1]) == (leading[0] == leading[1]), (one, other)

    check()
    special = _select(ends["18"], type_name, ["NaN", "Infinity", "-Infinity", "0"], form.once_rounded.valued(0).sql)
    assert len({row[1] for row in special}) == 4


def test_numbers_are_rounded_to_the_scale_of_the_target(ends: dict[str, psycopg.Connection[Any]]) -> None:
    for here in ("numeric", "numeric(20,6)", "double precision"):
        form = choose(column(here), column("numeric(12,2)"), Method()).once_rounded
        rounded = _select(ends["18"], here, ["1.005", "1.004", "NaN", "2"], form.valued(0).sql)
        assert rounded == _select(ends["18"], "numeric(12,2)", ["1.01", "1.00", "NaN", "2"], form.valued(1).sql)
    assert choose(column("integer"), column("bigint"), Method()).rounded is None
    assert choose(column("text"), column("text"), Method()).rounded is None


# -- rows -------------------------------------------------------------------------------------------------------------


ROW_VALUES: dict[str, tuple[str | None, ...]] = {
    "text": (None, "", "a", "NULL"),
    "character varying(9)": (None, "", "a"),
    "integer": (None, "0", "1"),
    "numeric": (None, "0", "1"),
    "bytea": (None, "\\x", "\\x00"),
    "date": (None, "2000-01-01", "infinity"),
    "timestamp with time zone": (None, "2000-01-01 00:00+00"),
    "boolean": (None, "false", "true"),
}


@pytest.mark.parametrize("method", METHODS["18"], ids=lambda method: method.name)
def test_a_row_tells_null_from_every_value_and_a_value_from_its_neighbours(
    ends: dict[str, psycopg.Connection[Any]], method: Method
) -> None:
    names = [f"c{place}" for place in range(len(ROW_VALUES))]
    shapes = [column(type_name, name) for type_name, name in zip(ROW_VALUES, names, strict=True)]
    number = row_number([choose(shape, shape, method).valued(0) for shape in shapes], method)
    rows = list(itertools.product(*ROW_VALUES.values()))
    arrays = ", ".join("%s::text[]" for _ in names)
    casts = ", ".join(f"{name}::{type_name} AS {name}" for name, type_name in zip(names, ROW_VALUES, strict=True))
    given_rows = f"SELECT {casts} FROM unnest({arrays}) AS t({', '.join(names)})"
    columns = [list(part) for part in zip(*rows, strict=True)]
    found = ends["18"].execute(f"SELECT {number} FROM ({given_rows}) AS t".encode(), columns).fetchall()
    assert len(rows) > 3000
    assert len({number for (number,) in found} - {None}) == len(rows)
    # Values that change places between two rows, of one column or of two, change the sum.
    by_row = dict(zip(rows, (number for (number,) in found), strict=True))
    for one, other in itertools.combinations(rows[::67], 2):
        for place in range(len(names)):
            swapped = (_with(one, place, other[place]), _with(other, place, one[place]))
            if set(swapped) != {one, other}:
                assert by_row[swapped[0]] + by_row[swapped[1]] != by_row[one] + by_row[other]


def _with(row: tuple[Any, ...], place: int, value: Any) -> tuple[Any, ...]:
    return (*row[:place], value, *row[place + 1 :])


def test_a_sum_of_numbers_cannot_overflow(ends: dict[str, psycopg.Connection[Any]]) -> None:
    for connection in ends.values():
        for number in (2**63 - 1, -(2**63)):
            total = connection.execute(f"SELECT sum(({number})::bigint)::text FROM generate_series(1, 1000)").fetchone()
            assert total == (str(number * 1000),)
