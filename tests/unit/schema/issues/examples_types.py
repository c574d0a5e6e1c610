"""Examples of the families of issues that differ by a data type only: columns, keys and indexes."""

from __future__ import annotations

from tests.unit.schema.issues.forms import Case, Examples, Rule, case, rule

MISSING = {
    "xml": "XML", "xid": "XID", "pg_lsn": "PG_LSN", "txid_snapshot": "TXID_SNAPSHOT",
    "int8multirange": "INT8MULTIRANGE", "int4multirange": "INT4MULTIRANGE", "datemultirange": "DATEMULTIRANGE",
    "nummultirange": "NUMMULTIRANGE", "tsmultirange": "TSMULTIRANGE", "tstzmultirange": "TSTZMULTIRANGE",
    "public.geometry(Point,4326)": "GEOMETRY", "extensions.geography": "GEOGRAPHY", "public.box2d": "BOX2D",
    "public.box3d": "BOX3D", "topology.topogeometry": "TOPOGEOMETRY", "public.raster": "RASTER",
    "public.lo": "LARGE_OBJECT",
}  # fmt: skip
OFFLINE_ONLY = {
    "point": "POINT", "line": "LINE", "lseg": "LSEG", "box": "BOX", "path": "PATH", "polygon": "POLYGON",
    "circle": "CIRCLE", "public.vector(3)": "VECTOR", "time(3) with time zone": "TIMETZ",
}  # fmt: skip
OFFLINE_ONCE_THERE = {written: name for written, name in MISSING.items() if name.endswith("MULTIRANGE")}
NOT_INDEXED = {
    "public.citext": "CITEXT", "tsvector": "TSVECTOR", "tsquery": "TSQUERY", "jsonb": "JSONB", "inet": "INET",
    "json": "JSON", "macaddr": "MACADDR", "macaddr8": "MACADDR8", "cidr": "CIDR", "bit(13)": "BIT",
    "bit varying(15)": "VARBIT", "daterange": "DATERANGE", "tsrange": "TSRANGE", "tstzrange": "TSTZRANGE",
    "numrange": "NUMRANGE", "int4range": "INT4RANGE", "int8range": "INT8RANGE",
    "interval day to second(3)": "INTERVAL", "circle": "CIRCLE", "box": "BOX", "line": "LINE", "lseg": "LSEG",
    "point": "POINT", "pg_lsn": "PG_LSN", "path": "PATH", "polygon": "POLYGON", "txid_snapshot": "TXID_SNAPSHOT",
}  # fmt: skip
_ADDRESS = "CREATE TYPE s.address AS (street text, city text)"
_SPAN = "CREATE TYPE s.span AS RANGE (subtype = float8)"
_TRANGE = "CREATE TYPE s.trange AS RANGE (subtype = time)"
_NAMED = "CREATE TYPE s.named AS RANGE (subtype = time, multirange_type_name = s.several)"


def _column(written: str, *, foreign: bool, arrays: bool = True, before: tuple[str, ...] = ()) -> tuple[Case, ...]:
    """A column of a type in each way to get one."""
    at = "{t}.{c}"
    found = [
        case(*before, f"CREATE TABLE {{t}} (a int, {{c}} {written} NOT NULL)", at=at),
        case(*before, "CREATE TABLE {t} (a int)", f"ALTER TABLE {{t}} ADD COLUMN b int, ADD {{c}} {written}", at=at),
        case(*before, f"CREATE DOMAIN {{d}} AS {written}", "CREATE TABLE {t} ({c} {d})", at=at),
        case(
            *before, f"CREATE DOMAIN {{d}} AS {written}", "CREATE DOMAIN {x} AS {d}", "CREATE TABLE {t} ({c} {x})",
            at=at,
        ),
        case(
            *before,
            f"CREATE TABLE {{u}} (a int, {{c}} {written}) PARTITION BY RANGE (a)",
            "CREATE TABLE {t} PARTITION OF {u} DEFAULT",
            at=("{u}.{c}", "{t}.{c}"),
            in_routine=False,
        ),
        case(
            *before,
            f"CREATE TABLE {{u}} ({{c}} {written})",
            "CREATE TABLE {t} (b int) INHERITS ({u})",
            at=("{u}.{c}", "{t}.{c}"),
            in_routine=False,
        ),
        case(*before, f"CREATE TABLE {{u}} ({{c}} {written})", "CREATE TABLE {t} (LIKE {u})", at=("{u}.{c}", "{t}.{c}"),
             in_routine=False),
        case(
            *before, "CREATE TABLE {t} ({c} text)", f"ALTER TABLE {{t}} ALTER COLUMN {{c}} TYPE {written} USING NULL",
            at=at, in_routine=False,
        ),
        case(f"ALTER TABLE {{t}} ALTER COLUMN {{c}} TYPE {written}", *before, at=at, in_routine=False),
    ]  # fmt: skip
    if arrays:
        found.append(case(*before, f"CREATE TABLE {{t}} ({{c}} {written}[])", at=at))
        found.append(case(*before, f"CREATE TABLE {{t}} ({{c}} {written} ARRAY[3])", at=at))
    if foreign:
        found.append(case(*before, f"CREATE FOREIGN TABLE {{t}} ({{c}} {written}) SERVER x", at=at))
    return tuple(found)


def _column_misses(written: str) -> tuple[str | tuple[str, ...], ...]:
    bare = written.rpartition(".")[2].partition("(")[0].split()[0]
    return (
        f"CREATE TABLE {{t}} (\"{bare}\" text DEFAULT '{bare}', a text) -- {bare}",
        (f"CREATE TYPE {{d}} AS ENUM ('{bare}')", "CREATE TABLE {t} ({c} {d})"),
        (f"CREATE TYPE s.\"{bare}\" AS ENUM ('x')", f'CREATE TABLE {{t}} ({{c}} s."{bare}")'),
        f"CREATE TABLE {{t}} ({{c}} text DEFAULT (NULL::{written})::text)",
        (f"CREATE TABLE {{t}} ({{c}} {written})", "ALTER TABLE {t} ALTER COLUMN {c} TYPE text"),
        f"CREATE DOMAIN {{d}} AS {written}",
    )


def _key(written: str, *, before: tuple[str, ...] = ()) -> tuple[Case, ...]:
    """A key on a column of a type in each way to declare one."""
    at = "{t}, constraint: ({k})"
    table = f"CREATE TABLE {{t}} (a int, {{c}} {written})"
    alter = "ALTER TABLE ONLY {t} ADD CONSTRAINT {k} "
    return (
        case(*before, f"CREATE TABLE {{t}} ({{c}} {written} CONSTRAINT {{k}} PRIMARY KEY)", at=at, in_routine=False),
        case(*before, f"{table[:-1]}, CONSTRAINT {{k}} UNIQUE (a, {{c}}))", at=at, in_routine=False),
        case(*before, table, f"{alter}PRIMARY KEY ({{c}}, a)", at=at),
        case(f"{alter}UNIQUE ({{c}})", *before, table, at=at, in_routine=False),
        case(
            *before, table, f"{alter}PRIMARY KEY USING INDEX {{i}}", "CREATE UNIQUE INDEX {i} ON {t} (a, {c})", at=at,
            in_routine=False,
        ),
        case(
            *before, f"CREATE TABLE {{u}} (a int, {{c}} {written}) PARTITION BY RANGE (a)",
            "CREATE TABLE {t} PARTITION OF {u} DEFAULT", f"{alter}UNIQUE (a, {{c}})", at=at,
        ),
        case(
            *before, f"CREATE TABLE {{u}} ({{c}} {written})", "CREATE TABLE {t} (b int) INHERITS ({u})",
            f"{alter}UNIQUE ({{c}})", at=at,
        ),
        case(
            *before, f"CREATE DOMAIN {{d}} AS {written}", "CREATE TABLE {t} ({c} {d})", f"{alter}UNIQUE ({{c}})", at=at
        ),
        case(
            *before, "CREATE TABLE {t} (a int)",
            f"ALTER TABLE {{t}} ADD COLUMN {{c}} {written} CONSTRAINT {{k}} UNIQUE", at=at, in_routine=False,
        ),
    )  # fmt: skip


def _key_misses(written: str, before: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    table = f"CREATE TABLE {{t}} (a int PRIMARY KEY, {{c}} {written} CHECK ({{c}} IS NOT NULL))"
    return (
        (*before, table),
        (*before, table, "ALTER TABLE {t} ADD CONSTRAINT {k} UNIQUE (a) INCLUDE ({c})"),
        (*before, table, "CREATE UNIQUE INDEX {i} ON {t} ({c})"),
        (*before, table, "CREATE TABLE {u} ({c} int UNIQUE)"),
        (*before, table, "CREATE TABLE decoy.t ({c} int)", "ALTER TABLE decoy.t ADD CONSTRAINT {k} UNIQUE ({c})"),
    )


def _index(written: str, *, before: tuple[str, ...] = ()) -> tuple[Case, ...]:
    at = "{i} ON {t}"
    table = f"CREATE TABLE {{t}} (a int, {{c}} {written})"
    return (
        case(*before, table, "CREATE INDEX {i} ON {t} ({c})", at=at),
        case(*before, table, "CREATE UNIQUE INDEX {i} ON ONLY {t} USING btree (a, {c} DESC)", at=at),
        case("CREATE INDEX {i} ON {t} (lower(b), {c}) WHERE a > 0", *before, table, at=at, in_routine=False),
        case(*before, "CREATE TABLE {t} (b text)", f"CREATE INDEX {{i}} ON {{t}} ((b::{written}))", at=at),
        case(
            *before, f"CREATE TABLE {{u}} ({{c}} {written}) PARTITION BY LIST ({{c}})",
            "CREATE TABLE {t} PARTITION OF {u} DEFAULT", "CREATE INDEX {i} ON {t} ({c})", at=at,
        ),
        case(
            *before, f"CREATE DOMAIN {{d}} AS {written}", "CREATE TABLE {t} ({c} {d})",
            "CREATE INDEX {i} ON {t} ({c})", at=at,
        ),
        case(*before, table.replace("{t}", "s.t"), "CREATE INDEX ON s.t (a, {c})", at="t_a_{c}_idx ON s.t",
             in_routine=False),
    )  # fmt: skip


def _index_misses(written: str, before: tuple[str, ...] = ()) -> tuple[tuple[str, ...], ...]:
    table = f"CREATE TABLE {{t}} (a int, {{c}} {written})"
    return (
        (*before, table, "CREATE INDEX {i} ON {t} USING gin ({c})"),
        (*before, table, "CREATE INDEX {i} ON {t} USING gist ({c})"),
        (*before, table, "CREATE INDEX {i} ON {t} (a) INCLUDE ({c}) WHERE {c} IS NOT NULL"),
        (*before, table, "CREATE INDEX {i} ON {t} (({c}::text))"),
        (*before, table, "CREATE INDEX {i} ON {t} (lower({c}::text))"),
        (*before, table, "CREATE TABLE {u} ({c} int)", "CREATE INDEX {i} ON {u} ({c})"),
        (*before, table, "ALTER TABLE {t} ADD CONSTRAINT {k} UNIQUE ({c})"),
    )


def _missing(written: str) -> Rule:
    return rule(*_column(written, foreign=True), misses=_column_misses(written))


def _offline(written: str, *, arrays: bool = True, before: tuple[str, ...] = ()) -> Rule:
    misses = (
        *(_column_misses(written) if not before else ()),
        (*before, f"CREATE FOREIGN TABLE {{t}} ({{c}} {written}) SERVER x"),
    )
    return rule(*_column(written, foreign=False, arrays=arrays, before=before), misses=misses)


EXAMPLES: Examples = {
    **{f"UNSUPPORTED_DATATYPE_{name}": _missing(written) for written, name in MISSING.items()},
    **{
        f"UNSUPPORTED_DATATYPE_LIVE_MIGRATION_{name}": _offline(written)
        for written, name in (OFFLINE_ONLY | OFFLINE_ONCE_THERE).items()
    },
    "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_TSQUERY": _offline("tsquery"),
    "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_USER_DEFINED": rule(
        *_offline("s.address", arrays=False, before=(_ADDRESS,)).raises,
        misses=(
            (_ADDRESS, "CREATE TABLE {t} ({c} s.address[])"),
            (_ADDRESS, "CREATE FOREIGN TABLE {t} ({c} s.address) SERVER x"),
            ("CREATE TYPE s.address AS ENUM ('a')", "CREATE TABLE {t} ({c} s.address)"),
            ("CREATE TYPE s.address AS RANGE (subtype = int4)", "CREATE TABLE {t} ({c} s.address)"),
            (_ADDRESS, "CREATE TABLE {t} ({c} decoy.address)"),
        ),
    ),
    "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_WITH_FF_FB_ARRAY_OF_USER_DEFINED": rule(
        *_offline("s.address[]", arrays=False, before=(_ADDRESS,)).raises,
        case(_ADDRESS, "CREATE DOMAIN {d} AS s.address", "CREATE TABLE {t} ({c} {d}[])", at="{t}.{c}"),
        misses=(
            (_ADDRESS, "CREATE TABLE {t} ({c} s.address)"),
            (_ADDRESS, "CREATE FOREIGN TABLE {t} ({c} s.address[]) SERVER x"),
            ("CREATE TYPE s.address AS ENUM ('a')", "CREATE DOMAIN {d} AS s.address", "CREATE TABLE {t} ({c} {d}[])"),
        ),
    ),
    "UNSUPPORTED_DATATYPE_LIVE_MIGRATION_USER_DEFINED_RANGE": rule(
        *_offline("s.span", before=(_SPAN,)).raises,
        misses=(
            (_SPAN, "CREATE FOREIGN TABLE {t} ({c} s.span) SERVER x"),
            (_SPAN, "CREATE TABLE {t} ({c} s.span_multirange)"),
            (_SPAN, "CREATE TABLE {t} ({c} decoy.span, a daterange)"),
            ("CREATE TYPE s.span AS ENUM ('a')", "CREATE TABLE {t} ({c} s.span[])"),
        ),
    ),
    **{
        f"UNSUPPORTED_DATATYPE_{live}USER_DEFINED_MULTIRANGE": rule(
            *_column("s.span_multirange", foreign=not live, before=(_SPAN,)),
            case(_TRANGE, "CREATE TABLE {t} ({c} s.tmultirange)", at="{t}.{c}"),
            case(_NAMED, "CREATE TABLE {t} ({c} s.several[])", at="{t}.{c}"),
            misses=(
                (_SPAN, "CREATE TABLE {t} ({c} s.span)"),
                (_NAMED, "CREATE TABLE {t} ({c} s.named_multirange)"),
                (_SPAN, "CREATE TABLE {t} ({c} decoy.span_multirange)"),
            ),
        )
        for live in ("", "LIVE_MIGRATION_")
    },
    **{
        f"PK_UK_ON_{name}_DATATYPE": rule(*_key(written), misses=_key_misses(written))
        for written, name in NOT_INDEXED.items()
    },
    **{
        f"INDEX_ON_{name}_DATATYPE": rule(*_index(written), misses=_index_misses(written))
        for written, name in NOT_INDEXED.items()
    },
    "PK_UK_ON_USER_DEFINED_RANGE_DATATYPE": rule(
        *_key("s.span", before=(_SPAN,)), misses=_key_misses("s.span", (_SPAN,))
    ),
    "INDEX_ON_USER_DEFINED_RANGE_DATATYPE": rule(
        *_index("s.span", before=(_SPAN,)), misses=_index_misses("s.span", (_SPAN,))
    ),
    "PK_UK_ON_MULTIRANGE_DATATYPE": rule(
        *_key("s.span_multirange", before=(_SPAN,)), *_key("datemultirange"), misses=_key_misses("datemultirange")
    ),
    "INDEX_ON_MULTIRANGE_DATATYPE": rule(
        *_index("s.span_multirange", before=(_SPAN,)), *_index("int8multirange"), misses=_index_misses("int8multirange")
    ),
    "PK_UK_ON_ARRAY_DATATYPE": rule(
        *_key("text[]"), *_key("jsonb[]"), *_key("s.address[]", before=(_ADDRESS,)), misses=_key_misses("text[]")
    ),
    "INDEX_ON_ARRAY_DATATYPE": rule(*_index("text[]"), *_index("integer[]"), misses=_index_misses("text[]")),
    "PK_UK_ON_USER_DEFINED_DATATYPE": rule(
        *_key("s.address", before=(_ADDRESS,)),
        misses=(
            *_key_misses("s.address", (_ADDRESS,)),
            ("CREATE TYPE s.address AS ENUM ('a')", "CREATE TABLE {t} ({c} s.address PRIMARY KEY)"),
            ("CREATE DOMAIN s.address AS text", "CREATE TABLE {t} ({c} s.address PRIMARY KEY)"),
        ),
    ),
    "INDEX_ON_USER_DEFINED_DATATYPE": rule(
        *_index("s.address", before=(_ADDRESS,)),
        misses=(
            *_index_misses("s.address", (_ADDRESS,)),
            (
                "CREATE TYPE s.address AS ENUM ('a')",
                "CREATE TABLE {t} ({c} s.address)",
                "CREATE INDEX {i} ON {t} ({c})",
            ),
            ("CREATE DOMAIN s.address AS text", "CREATE TABLE {t} ({c} s.address)", "CREATE INDEX {i} ON {t} ({c})"),
        ),
    ),
}
