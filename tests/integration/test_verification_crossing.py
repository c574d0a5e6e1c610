"""Canonical texts between PostgreSQL and MariaDB: the same value has the same text, another value another one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import drive
from tests.mariadb import MariadbServer, start_mariadb, why_not
from tests.typed_values import Values
from voyager.embedded import Server
from voyager.verification.canonical import TABLE
from voyager.verification.crossing import mysql_column, mysql_row_number
from voyager.verification.digest import MD5, Method, row_number
from voyager.verification.forms import Form, choose_crossing
from voyager.verification.session import apply_session_settings
from voyager.verification.structure import ColumnShape

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not() or "MariaDB is there")

EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
_CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")


@dataclass(frozen=True)
class Pair:
    """A type of either engine, and values of it as text that both engines read alike."""

    here: str
    there: str
    values: Values

    @property
    def form(self) -> Form:
        base = self.here.partition("(")[0]
        found = choose_crossing(ColumnShape("v", self.here, base, "e" if base == "mood" else "b"), self.data_type)
        assert found is not None
        return found

    @property
    def data_type(self) -> str:
        """As information_schema has it."""
        return self.there.partition("(")[0].partition(" ")[0]


_TEXTS = Values(
    ("", " ", "a", "a ", "A", "ä", "a\u0308", "ß", "ss", "\t", "\r\n", "\\", "'", '"', "😀", "NULL"),
    st.text(_CHARACTERS, max_size=12),
)
# MariaDB's CHAR takes blanks off the end; PostgreSQL's character pads with them.
_PADDED = Values(
    ("", "a", "a ", " a", "A", "ä", "😀"), st.text(_CHARACTERS, max_size=12).map(lambda text: text.rstrip(" "))
)
_DOUBLES = Values(
    (
        *("0", "-0.0", "1", "-1", "0.1", "120", "0.0012", "1e15", "1e14", "1e-5", "1e-4", "123456789012345.6", "1e23"),
        *(
            "5e-324",
            "2.2250738585072014e-308",
            "1.7976931348623157e308",
            "9007199254740993",
            "8.41e21",
            "2e-44",
            "4e-323",
            "1.5e-320",
        ),
        *("5.684341886080802e-14", "9.5367431640625e-07", "5.960464477539063e-08", "8", "8.000000000000002"),
    ),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
)
_SINGLES = Values(
    ("0", "0.1", "16777216", "1.17549435e-38", "3.4028234e38", "-2.5"),
    st.floats(-(2.0**127), 2.0**127, width=32, allow_subnormal=False).map(repr),
)
_STAMPS = Values(
    (
        "2024-01-01 00:00:00.000000",
        "2024-01-01 00:00:00.000001",
        "1970-01-01 00:00:01.000000",
        "2037-12-31 23:59:59.999999",
    ),
    st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)).map(lambda moment: moment.isoformat(" ", "microseconds")),
)
_TIMES = Values(
    ("00:00:00.000000", "23:59:59.999999", "12:00:00.100000"), st.times().map(lambda t: t.isoformat("microseconds"))
)

PAIRS = (
    Pair("boolean", "tinyint(1)", Values(("0", "1"))),
    Pair("smallint", "smallint", Values(("0", "-1", "32767"), st.integers(-(2**15), 2**15 - 1).map(str))),
    Pair("integer", "int", Values(("0", "-1", "2147483647"), st.integers(-(2**31), 2**31 - 1).map(str))),
    Pair("bigint", "bigint", Values(("0", "-1", "9223372036854775807"), st.integers(-(2**63), 2**63 - 1).map(str))),
    Pair("bigint", "int", Values(("0", "-1", "65536"))),
    Pair("numeric(20,0)", "bigint unsigned", Values(("0", "18446744073709551615", "100"))),
    Pair(
        "numeric(20,4)",
        "decimal(20,4)",
        Values(("0", "100", "-0.5", "1.1000"), st.decimals(-(10**12), 10**12, places=4).map(str)),
    ),
    Pair("numeric", "decimal(30,10)", Values(("0", "100", "-0.5", "1.1000", "12345678901234567890.0000000001"))),
    Pair("real", "float", _SINGLES),
    Pair("double precision", "double", _DOUBLES),
    Pair("character varying(40)", "varchar(40)", _TEXTS),
    Pair("text", "longtext", _TEXTS),
    Pair("character(14)", "char(14)", _PADDED),
    Pair(
        "bytea",
        "varbinary(20)",
        Values(("\\x", "\\x00", "\\xff00", "\\x20"), st.binary(max_size=9).map(lambda b: "\\x" + b.hex())),
    ),
    Pair(
        "bytea",
        "longblob",
        Values(("\\x", "\\x00", "\\xff00", "\\x20"), st.binary(max_size=9).map(lambda b: "\\x" + b.hex())),
    ),
    Pair("uuid", "uuid", Values(("00000000-0000-0000-0000-000000000000",), st.uuids(version=4).map(str))),
    Pair("date", "date", Values(("2024-02-29", "1000-01-01", "9999-12-31"), st.dates().map(str))),
    Pair("timestamp without time zone", "datetime(6)", _STAMPS),
    Pair("timestamp with time zone", "timestamp(6)", _STAMPS),
    Pair("time without time zone", "time(6)", _TIMES),
    Pair("json", "longtext", Values(('{"a": 1}', '{"a":1}', "null", '"ä"'))),
    Pair("mood", "enum('sad','ok','Ok now','')", Values(("sad", "ok", "Ok now", ""))),
    Pair("bit(12)", "bit(12)", Values(("000000000000", "000000000001", "100000000000", "111111111111"))),
)


@dataclass(frozen=True)
class Ends:
    here: psycopg.Connection[Any]
    there: Any

    def read(self, pair: Pair, values: list[str], *more: str) -> list[list[tuple[Any, ...]]]:
        """(text, number) of each value, from a column of its type on either side."""
        form = pair.form
        number = row_number([form.valued(0)], Method(MD5))
        with self.here.transaction(force_rollback=True):
            self.here.execute(f"CREATE TEMPORARY TABLE t (n int, v {pair.here})".encode())
            insert = f"INSERT INTO t SELECT n, v::{_cast(pair.here)} FROM unnest(%s::text[]) WITH ORDINALITY AS w(v, n)"
            self.here.execute(insert.encode(), [values])
            stored = self.here.execute(f"SELECT {form.valued(0).sql}, {number} FROM t ORDER BY n".encode()).fetchall()
        cursor = self.there.cursor()
        cursor.execute(f"CREATE OR REPLACE TEMPORARY TABLE t (n int, v {pair.there})")
        for place, value in enumerate(values):
            cursor.execute(f"INSERT INTO t VALUES (%s, {_mysql_value(pair.there)})", (place, _mysql_input(pair, value)))
        text = form.sql[1].replace("{v}", mysql_column("v"))
        cursor.execute(f"SELECT {text}, {mysql_row_number([text])} FROM t ORDER BY n")
        return [stored, [(_decoded(text), number) for text, number in cursor.fetchall()]]


def _cast(type_name: str) -> str:
    return "integer::boolean" if type_name == "boolean" else type_name


def _mysql_value(type_name: str) -> str:
    return (
        "UNHEX(%s)"
        if "bin" in type_name or "blob" in type_name
        else "CAST(CONV(%s, 2, 10) AS UNSIGNED)"
        if "bit(" in type_name
        else "%s"
    )


def _mysql_input(pair: Pair, value: str) -> str:
    return value.removeprefix("\\x") if pair.here == "bytea" else value


def _decoded(text: Any) -> Any:
    return bytes(text).decode() if isinstance(text, bytes | bytearray) else text


@pytest.fixture(scope="module")
def mariadb(servers_directory: Path) -> Iterator[MariadbServer]:
    server = start_mariadb(servers_directory / "mariadb-forms")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def ends(source_server: Server, mariadb: MariadbServer) -> Iterator[Ends]:
    drive.execute(source_server.endpoint(), "CREATE DATABASE crossing TEMPLATE template0")
    here = drive.connect(source_server.endpoint("crossing"))
    here.execute("CREATE TYPE public.mood AS ENUM ('sad', 'ok', 'Ok now', '')")
    apply_session_settings(here, {"default_transaction_read_only": "off", "search_path": "public"})
    mariadb.run("CREATE DATABASE crossing CHARACTER SET utf8mb4")
    there = mariadb.connect("crossing")
    there.cursor().execute("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'")
    yield Ends(here, there)
    here.close()
    there.close()
    drive.execute(source_server.endpoint(), "DROP DATABASE crossing WITH (FORCE)")


def test_every_type_that_both_have_is_tried() -> None:
    assert {row.name for row in TABLE if row.crossing} == {
        pair.form.name.removesuffix(" across engines") for pair in PAIRS
    }


def test_a_type_without_a_counterpart_has_no_form_across_engines() -> None:
    for type_name in ("interval", "jsonb", "integer[]", "inet"):
        assert choose_crossing(ColumnShape("v", type_name, type_name), "text") is None
    assert choose_crossing(ColumnShape("v", "text", "text"), "geometry") is None


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair.here} and {pair.there}")
def test_a_value_has_one_text_on_both_engines_and_no_other_value_has_it(ends: Ends, pair: Pair) -> None:
    def hold(values: list[str]) -> None:
        here, there = ends.read(pair, values)
        assert here == there
        stored = _distinct(ends.here, pair, values)
        assert len({text for text, _ in here}) == len({number for _, number in here}) == stored

    hold(list(pair.values.edges))
    EXAMPLES(given(st.lists(pair.values.any, min_size=1, max_size=6))(hold))()


def _distinct(connection: psycopg.Connection[Any], pair: Pair, values: list[str]) -> int:
    """How many values PostgreSQL's own comparison of stored bytes tells apart, once they have the column's type."""
    cast = f"w.v::{_cast(pair.here)}"
    equal = "record_image_eq(ROW(a.v), ROW(b.v))"
    rows = f"(SELECT w.n, {cast} AS v FROM unnest(%(values)s::text[]) WITH ORDINALITY AS w(v, n))"
    sql = f"SELECT count(*) FROM {rows} AS a WHERE NOT EXISTS (SELECT FROM {rows} AS b WHERE b.n < a.n AND {equal})"
    # The scale of a decimal is the other engine's own, and MariaDB prints -0 as 0.
    if pair.here in ("numeric", "real", "double precision"):
        sql = sql.replace(equal, "a.v = b.v")
    return int(connection.execute(sql.encode(), {"values": values}).fetchone()[0])  # type: ignore[index]


def test_a_row_has_one_number_on_both_engines(ends: Ends) -> None:
    texts = [None, "", "a", "1:a", "-", "a1", "😀"]
    rows = list(itertools.product(texts, texts))
    here_sql = row_number([choose_text(name).valued(0) for name in "ab"], Method(MD5))
    there_sql = mysql_row_number([choose_text(name).sql[1].replace("{v}", mysql_column(name)) for name in "ab"])
    one, other = ([row[place] for row in rows] for place in (0, 1))
    given_rows = "SELECT * FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS w(a, b, n)"
    here = ends.here.execute(f"SELECT {here_sql} FROM ({given_rows}) AS t ORDER BY n".encode(), [one, other]).fetchall()
    cursor = ends.there.cursor()
    cursor.execute("CREATE OR REPLACE TEMPORARY TABLE r (n int, a longtext, b longtext)")
    cursor.executemany("INSERT INTO r VALUES (%s, %s, %s)", [(n, *row) for n, row in enumerate(rows)])
    cursor.execute(f"SELECT {there_sql} FROM r AS t ORDER BY n")
    assert here == cursor.fetchall()
    assert len(set(here)) == len(rows)
    cursor.execute(f"SELECT CAST(sum({there_sql}) AS CHAR) FROM r AS t")
    total = ends.here.execute(
        f"SELECT sum({here_sql})::text FROM ({given_rows}) AS t".encode(), [one, other]
    ).fetchone()
    assert cursor.fetchone() == total


def choose_text(name: str) -> Form:
    found = choose_crossing(ColumnShape(name, "text", "text"), "longtext")
    assert found is not None
    return found
