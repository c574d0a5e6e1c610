"""Values that only careful reading tells apart, type by type, for tests of the table of canonical forms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

_INTS = [0, 1, -1, 2, 255, 256, 2**15 - 1, -(2**15)]
_INTS4 = [*_INTS, 2**16, 2**31 - 1, -(2**31), -(2**31) + 1]
# 1 and 2^32, -1 and so on: what a hash that folds the halves of a value takes for one.
_INTS8 = [*_INTS4, 2**32, 2**32 + 1, -(2**32), -(2**32) - 1, 2**33, 2 * 2**32 + 3, 2**63 - 1, -(2**63), 7, 7 * 2**32]
_BASE = "'2000-01-01'::timestamp + "
_MICROSECONDS = [
    f"{_BASE}{number} * interval '1 microsecond'" for number in (0, 1, 2**32, 2**32 + 1, 2**33, -1, -(2**32))
]
_ENDS = ["'infinity'", "'-infinity'"]

TYPED_EDGES: dict[str, tuple[str, list[str]]] = {
    "bool": ("boolean", ["true", "false"]),
    "int4": ("integer", [f"'{number}'" for number in _INTS4]),
    "int8": ("bigint", [f"'{number}'" for number in _INTS8]),
    "string": (
        "text",
        [
            "''",
            "' '",
            "'a'",
            "'a '",
            "'A'",
            "'ä'",
            "E'a\\u0308'",
            "E'\\t'",
            "E'\\n'",
            "E'\\r\\n'",
            "'NULL'",
            "repeat('a', 9000)",
        ],
    ),
    "char": ('"char"', ["'a'", "'A'", "''", "'\\377'", "'\\200'", "' '"]),
    "bytea": (
        "bytea",
        ["''", "'\\x00'", "'\\x0000'", "'\\x01'", "'\\xff'", "'\\x00ff'", "decode(repeat('00', 9000), 'hex')"],
    ),
    "uuid": (
        "uuid",
        [f"'{head}0000000-0000-0000-0000-00000000000{tail}'" for head in "01f" for tail in "01f"],
    ),
    "date": (
        "date",
        [
            *_ENDS,
            "'2000-01-01'",
            "'1999-12-31'",
            "'0001-01-01'",
            "'0001-12-31 BC'",
            "'4713-01-01 BC'",
            "'5874897-12-31'",
        ],
    ),
    "timestamp": (
        "timestamp without time zone",
        [*_ENDS, *_MICROSECONDS, "'4713-01-01 00:00:00 BC'", "'294276-12-31 23:59:59.999999'"],
    ),
    "timestamptz": (
        "timestamp with time zone",
        [
            *_ENDS,
            *[f"({value}) AT TIME ZONE 'UTC'" for value in _MICROSECONDS],
            "'4713-01-01 00:00:00+00 BC'",
            "'294276-12-31 23:59:59.999999+00'",
            "'2024-03-31 01:30:00+01'",
            "'2024-03-31 01:30:00+00'",
        ],
    ),
}

_CHARACTERS = st.characters(exclude_categories=("Cs",), exclude_characters="\0")


@dataclass(frozen=True)
class Values:
    """Values of a type as text: those that only careful reading tells apart, and more of them at random."""

    edges: tuple[str, ...]
    more: st.SearchStrategy[str] | None = None

    @property
    def any(self) -> st.SearchStrategy[str]:
        edges = st.sampled_from(self.edges)
        return edges if self.more is None else st.one_of(edges, self.more)


_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "a", "A", "a "])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "aa", ""]), inner)),
    max_leaves=5,
)
_STAMPS = ("infinity", "-infinity", "2000-01-01", "2024-01-01 00:00:00.000001", "2024-01-01", "0044-03-15 12:00 BC")
_ZONES = st.sampled_from(["+00", "+01", "-08:30", "+14"])


def _element(item: Any) -> str:
    if item is None:
        return "NULL"
    return '"' + str(item).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _array(elements: Values, *edges: str) -> Values:
    plain = st.lists(st.one_of(st.none(), elements.any), max_size=3)
    made = tuple("{" + _element(edge) + "}" for edge in elements.edges)
    return Values(("{}", "{NULL}", *made, *edges), plain.map(lambda items: "{" + ",".join(map(_element, items)) + "}"))


def _range(bounds: tuple[str, ...], *edges: str) -> Values:
    def build(parts: tuple[str, str, str, str]) -> str:
        low, high = sorted((parts[1], parts[2]), key=float)
        return f"{parts[0]}{low},{high}{parts[3]}"

    bound = st.sampled_from(bounds)
    built = st.tuples(st.sampled_from("[("), bound, bound, st.sampled_from("])")).map(build)
    return Values(("empty", "(,)", "[1,)", "(1,)", "(,2]", "[1,3)", "[1,2]", *edges), built)


TEXTS = Values(
    ("", " ", "a", "a ", "A", "NULL", "ä", "a\u0308", "ß", "\t", "\n", "\r\n", "\\N", "{}", "(,)", '"', "0"),
    st.text(_CHARACTERS, max_size=12),
)
DIGITS = Values(
    ("0", "0.0", "0.00", "1", "1.0", "1.00", "-1", "-0.0", "100", "1e2", "0.1", "0.10", "NaN", "1e-20"),
    st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12).map(str),
)
DOUBLES = Values(
    ("0", "-0", "NaN", "Infinity", "-Infinity", "1", "0.1", "0.10000000000000002", "5e-324", "1.7976931348623157e308"),
    st.floats(allow_nan=False).map(repr),
)
SINGLES = Values(
    ("0", "-0", "NaN", "Infinity", "-Infinity", "0.1", "0.10000001", "1e-45", "3.4028235e38"),
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(repr),
)
JSON = Values(
    (
        '{"a": 1, "b": 2}',
        '{"b": 2, "a": 1}',
        '{"a":1,"b":2}',
        "1.0",
        "1.00",
        "1",
        '{"a": 1, "a": 2}',
        '{"a": 2}',
        "null",
    ),
    _JSON.map(json.dumps),
)
TIMES = Values(("00:00", "24:00", "00:00:00.000001", "23:59:59.999999"), st.times().map(str))
STAMPS = Values(_STAMPS, st.datetimes().map(str))
INTERVALS = Values(
    ("24 hours", "1 day", "30 days", "1 month", "1 year", "12 months", "0", "-1 day +24 hours", "1 day -24 hours"),
    st.tuples(st.integers(-30, 30), st.integers(-40, 40), st.integers(-(10**8), 10**8)).map(
        lambda parts: f"{parts[0]} months {parts[1]} days {parts[2]} microseconds"
    ),
)
SMALL = Values(("0", "1", "-1"), st.integers(-5, 5).map(str))

VALUES: dict[str, Values] = {
    "boolean": Values(("true", "false")),
    "smallint": Values(("0", "1", "256"), st.integers(-(2**15), 2**15 - 1).map(str)),
    "integer": Values(tuple(map(str, _INTS4)), st.integers(-(2**31), 2**31 - 1).map(str)),
    "bigint": Values(tuple(map(str, _INTS8)), st.integers(-(2**63), 2**63 - 1).map(str)),
    "real": SINGLES,
    "double precision": DOUBLES,
    "numeric": DIGITS,
    "numeric(20,4)": DIGITS,
    "money": Values(("0", "0.01", "-1"), st.integers(-(10**6), 10**6).map(lambda cents: f"{cents / 100:.2f}")),
    "text": TEXTS,
    "character varying(40)": TEXTS,
    "character(14)": TEXTS,
    "bpchar": TEXTS,
    '"char"': Values(("a", "b", "", " ", "\\200", "\\377")),
    "name": TEXTS,
    "s.citext": TEXTS,
    "bytea": Values(("\\x", "\\x00", "\\x0000"), st.binary(max_size=8).map(lambda content: "\\x" + content.hex())),
    "uuid": Values(("00000000-0000-0000-0000-000000000000",), st.uuids().map(str)),
    "date": STAMPS,
    "time without time zone": TIMES,
    "time with time zone": Values(
        ("12:00+01", "11:00+00", "24:00+00", "00:00+00"), st.tuples(TIMES.any, _ZONES).map("".join)
    ),
    "timestamp without time zone": STAMPS,
    "timestamp with time zone": Values(
        ("infinity", "-infinity", "2024-01-01 12:00+01", "2024-01-01 11:00+00", "2024-01-01 12:00+00"),
        st.tuples(st.datetimes().map(str), _ZONES).map("".join),
    ),
    "interval": INTERVALS,
    "json": JSON,
    "jsonb": JSON,
    "bit(4)": Values(("0000", "0001"), st.text("01", min_size=4, max_size=4)),
    "bit varying": Values(("", "0", "00", "1", "01", "10"), st.text("01", max_size=6)),
    "inet": Values(("10.0.0.1", "10.0.0.1/32", "10.0.0.1/31", "::1", "::ffff:10.0.0.1")),
    "point": Values(
        ("(0,0)", "(0,-0)", "(-0,0)"), st.tuples(DOUBLES.any, DOUBLES.any).map(lambda xy: f"({xy[0]},{xy[1]})")
    ),
    "integer[]": _array(SMALL, "[0:1]={1,2}", "{1,2}", "{2,1}", "{{1,2},{3,4}}", "{{1},{2}}"),
    "text[]": _array(TEXTS, '{"NULL"}'),
    "double precision[]": _array(DOUBLES),
    "s.mood": Values(("sad", "ok", "Ok", "happy, even", "")),
    "s.pair": Values(("(,)", '(,"")', "(1,)", '(1,"a,b")', "(1,a)", '("1","a ")')),
    "int4range": _range(("-1", "0", "1", "2")),
    "numrange": _range(("0", "0.0", "1", "1.0", "2"), "[1.0,2]", "[1,2.0]"),
    "s.floats": _range(("0", "-0", "1", "1.5"), "[0,1)", "[-0,1)"),
    "int4multirange": Values(("{}", "{[1,2)}", "{[1,2),[3,4)}", "{[1,4)}", "{[1,2),[2,4)}")),
    "s.positive": Values(("0", "0.0", "1", "1.0")),
    "s.deep": Values(("0", "0.0", "1", "1.0")),
    "s.hstore": Values(("a=>1", "a=>1,b=>2", "b=>2,a=>1", "a=>NULL", 'a=>"NULL"', "")),
    "tsvector": Values(("a:1 b:2", "b:2 a:1", "a:1", "a", "'a '")),
    "oid": Values(("0", "1", "4294967295")),
    "pg_lsn": Values(("0/0", "0/1", "1/0")),
}
BASE_TYPES = {
    "numeric(20,4)": "numeric",
    "character varying(40)": "character varying",
    "character(14)": "character",
    "bpchar": "character",
    "bit(4)": "bit",
    "s.positive": "numeric",
    "s.deep": "numeric",
}
KINDS = {"s.mood": "e", "s.pair": "c", "int4range": "r", "numrange": "r", "s.floats": "r", "int4multirange": "m"}
