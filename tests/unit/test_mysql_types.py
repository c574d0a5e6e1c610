"""Which type of the target each MySQL type becomes, alone and with what keys and foreign keys ask for."""

from __future__ import annotations

import pytest

from voyager.sources.mysql.columns import ColumnFacts
from voyager.sources.mysql.mapping import map_types
from voyager.sources.mysql.model import Dictionary, ForeignKey, Index, IndexKey, Table
from voyager.sources.mysql.types import RULES, Proof, Use, target_type


def column(column_type: str, **facts) -> ColumnFacts:
    data_type = column_type.split("(")[0].split()[0].lower()
    given = {"schema": "shop", "table": "t", "name": "c", "data_type": data_type, "column_type": column_type, **facts}
    return ColumnFacts(**given)


@pytest.mark.parametrize(
    ("column_type", "facts", "expected"),
    [
        ("tinyint(4)", {}, "smallint"),
        ("tinyint(3) unsigned", {}, "smallint"),
        ("tinyint(1)", {}, "smallint"),
        ("smallint(6)", {}, "smallint"),
        ("smallint(5) unsigned", {}, "integer"),
        ("mediumint(9)", {}, "integer"),
        ("mediumint(8) unsigned", {}, "integer"),
        ("int(11)", {}, "integer"),
        ("int", {}, "integer"),
        ("int(2) unsigned", {}, "bigint"),
        ("int unsigned", {}, "bigint"),
        ("bigint(20)", {}, "bigint"),
        ("bigint unsigned", {}, "numeric(20,0)"),
        ("decimal(65,30)", {"precision": 65, "scale": 30}, "numeric(65,30)"),
        ("decimal(30,0) unsigned", {"precision": 30, "scale": 0}, "numeric(30,0)"),
        ("float", {}, "real"),
        ("float(7,2)", {"precision": 7, "scale": 2}, "real"),
        ("double", {}, "double precision"),
        ("bit(1)", {"precision": 1}, "boolean"),
        ("bit(64)", {"precision": 64}, "bit(64)"),
        ("year(4)", {}, "smallint"),
        ("date", {}, "date"),
        ("datetime", {"fraction": 0}, "timestamp(0)"),
        ("datetime(6)", {"fraction": 6}, "timestamp(6)"),
        ("timestamp(3)", {"fraction": 3}, "timestamptz(3)"),
        ("time(2)", {"fraction": 2}, "time(2)"),
        ("char(36)", {"length": 36}, "varchar(36)"),
        ("char(0)", {"length": 0}, "text"),
        ("varchar(255)", {"length": 255}, "varchar(255)"),
        ("tinytext", {}, "text"),
        ("longtext", {}, "text"),
        ("longtext", {"json": True}, "jsonb"),
        ("json", {}, "jsonb"),
        ("binary(16)", {"length": 16}, "bytea"),
        ("varbinary(20)", {"length": 20}, "bytea"),
        ("longblob", {}, "bytea"),
        ("set('a','b')", {}, "text[]"),
        ("geometry", {}, "bytea"),
        ("geomcollection", {}, "bytea"),
        ("uuid", {}, "uuid"),
        ("inet6", {}, "inet"),
        ("vector(3)", {}, "vector(3)"),
        ("enum('a','b')", {}, '"shop"."t_c"'),
        ("int(6) unsigned zerofill", {}, "bigint"),
        ("int(6) zerofill", {}, "bigint"),
        ("frobnicate(3)", {}, "text"),
    ],
)
def test_a_type_becomes_the_type_that_holds_all_its_values(column_type: str, facts: dict, expected: str):
    assert target_type(column(column_type, **facts)).sql == expected


@pytest.mark.parametrize(
    ("column_type", "facts", "use", "proof", "expected"),
    [
        ("tinyint(1)", {}, Use(), Proof(zero_or_one=True), "boolean"),
        ("tinyint(1)", {}, Use(), Proof(zero_or_one=False), "smallint"),
        ("tinyint(4)", {}, Use(), Proof(zero_or_one=True), "smallint"),
        ("bigint unsigned", {}, Use(), Proof(fits_bigint=True), "bigint"),
        ("bigint unsigned", {"extra": "auto_increment"}, Use(), Proof(), "bigint"),
        ("bigint unsigned", {"extra": "auto_increment"}, Use(), Proof(fits_bigint=False), "numeric(20,0)"),
        ("time", {}, Use(), Proof(within_a_day=False), "interval"),
        ("time", {}, Use(keyed=True, indexed=True), Proof(within_a_day=True), "time(0)"),
        ("bit(8)", {"precision": 8}, Use(indexed=True), Proof(), "bigint"),
        ("bit(63)", {"precision": 63}, Use(indexed=True), Proof(), "bigint"),
        ("bit(64)", {"precision": 64}, Use(indexed=True), Proof(), "bit(64)"),
        ("bit(1)", {"precision": 1}, Use(indexed=True), Proof(), "boolean"),
        ("set('a')", {}, Use(indexed=True), Proof(), "text"),
        ("inet4", {}, Use(indexed=True), Proof(), "text"),
    ],
)
def test_what_is_known_of_values_and_indexes_decides(column_type, facts, use, proof, expected):
    assert target_type(column(column_type, **facts), use=use, proof=proof).sql == expected


@pytest.mark.parametrize(
    ("column_type", "facts", "issues"),
    [
        ("int(11)", {}, ()),
        ("int unsigned", {}, ()),
        ("varchar(10)", {"length": 10}, ()),
        ("bigint", {}, ()),
        ("datetime", {}, ()),
        ("binary(17)", {"length": 17}, ()),
        ("binary(16)", {"length": 16}, ("MYSQL_BINARY_16",)),
        ("mediumtext", {}, ()),
        ("longtext", {}, ("MYSQL_LONG_VALUE",)),
        ("longtext", {"json": True}, ("MYSQL_JSON",)),
        ("tinyblob", {}, ("TINYBLOB",)),
        ("blob", {}, ("BLOB",)),
        ("mediumblob", {}, ("MEDIUMBLOB",)),
        ("longblob", {}, ("LONGBLOB", "MYSQL_LONG_VALUE")),
        ("float(7,2)", {"scale": 2}, ("MYSQL_FLOAT_WITH_SCALE",)),
        ("float", {}, ()),
        ("inet6", {}, ()),
        ("point", {}, ("MYSQL_SPATIAL_TYPE",)),
        ("bigint(20) unsigned zerofill", {}, ("MYSQL_BIGINT_UNSIGNED", "MYSQL_ZEROFILL")),
        ("frobnicate", {}, ("MYSQL_UNKNOWN_TYPE",)),
    ],
)
def test_a_type_raises_what_a_dba_should_know_and_no_more(column_type: str, facts: dict, issues: tuple[str, ...]):
    assert target_type(column(column_type, **facts)).issues == issues


def test_every_rule_gives_a_type():
    for data_type in RULES:
        facts = {"length": 4, "precision": 4, "scale": 2}
        assert target_type(column(data_type, **facts)).sql.strip(), data_type


def test_labels_are_read_with_quotes_commas_and_parentheses():
    labels = column("enum('new','it''s','a,b','c)','back\\\\slash','two\\nlines')").members
    assert labels == ("new", "it's", "a,b", "c)", "back\\slash", "two\nlines")
    assert target_type(column("enum('new','it''s')")).labels == ("new", "it's")


def test_a_label_counts_in_bytes():
    assert target_type(column(f"enum('{'é' * 31}')")).labels
    long = target_type(column(f"enum('{'é' * 32}')"))
    assert (long.sql, long.labels, long.issues) == ("text", (), ("MYSQL_ENUM_LABEL_TOO_LONG",))


@pytest.mark.parametrize(
    ("default", "kind", "literal", "expression"),
    [
        (None, "", None, None),
        ("NULL", "sql", None, None),
        ("'NULL'", "sql", "NULL", None),
        ("'it''s'", "sql", "it's", None),
        ("7", "sql", "7", None),
        ("-1.5e3", "sql", "-1.5e3", None),
        ("b'101'", "sql", "b'101'", None),
        ("uuid()", "sql", None, "uuid()"),
        ("(1 + 2)", "sql", None, "(1 + 2)"),
        ("current_timestamp()", "sql", None, "current_timestamp()"),
        ("NULL", "literal", "NULL", None),
        ("abc", "literal", "abc", None),
        ("", "literal", "", None),
        ("uuid()", "expression", None, "uuid()"),
        ("CURRENT_TIMESTAMP(3)", "expression", None, "CURRENT_TIMESTAMP(3)"),
    ],
)
def test_a_default_is_read_as_its_server_writes_it(default, kind, literal, expression):
    facts = column("varchar(10)", default=default, default_kind=kind)
    assert (facts.default_literal, facts.default_expression) == (literal, expression)


@pytest.mark.parametrize(
    ("column_type", "default", "zero"),
    [
        ("date", "0000-00-00", True),
        ("datetime", "0000-00-00 00:00:00", True),
        ("datetime", "2024-00-15 00:00:00", True),
        ("timestamp", "2024-01-00 00:00:00", True),
        ("date", "2024-01-15", False),
        ("date", "1000-01-01", False),
        ("varchar(20)", "0000-00-00", False),
    ],
)
def test_a_zero_date_is_told_from_a_date_and_from_text(column_type: str, default: str, zero: bool):
    assert column(column_type, default=default, default_kind="literal").zero_default is zero
    assert column(column_type, default=f"'{default}'", default_kind="sql").zero_default is zero


@pytest.mark.parametrize(
    ("extra", "generation", "generated"),
    [
        ("", "", ""),
        ("auto_increment", "", ""),
        ("default_generated on update current_timestamp", "", ""),
        ("virtual generated", "`a` + 1", "v"),
        ("stored generated", "`a` + 1", "s"),
        ("virtual generated invisible", "`a` + 1", "v"),
    ],
)
def test_generated_columns_are_told_by_their_extra(extra: str, generation: str, generated: str):
    assert column("int", extra=extra, generation=generation).generated == generated


def test_an_enum_labelled_unsigned_is_not_unsigned():
    assert not column("enum('a unsigned','zerofill')").unsigned
    assert column("decimal(10,2) unsigned").unsigned


# Keys and foreign keys ---------------------------------------------------------------------------


def table(name: str, *columns: ColumnFacts, indexes=(), foreign_keys=(), next_value=None) -> Table:
    return Table("shop", name, columns=columns, indexes=indexes, foreign_keys=foreign_keys, next_value=next_value)


def in_table(name: str, column_name: str, column_type: str, **facts) -> ColumnFacts:
    return column(column_type, table=name, name=column_name, **facts)


def primary(name: str, *columns: str) -> Index:
    return Index("shop", name, "PRIMARY", True, "BTREE", tuple(IndexKey(one) for one in columns))


def refers(name: str, own: str, parent: str, theirs: str) -> ForeignKey:
    return ForeignKey("shop", name, f"fk_{own}", (own,), ("shop", parent), (theirs,))


def test_both_ends_of_a_chain_of_foreign_keys_agree():
    serial = {"extra": "auto_increment"}
    found = map_types(
        Dictionary(
            (
                table(
                    "a", in_table("a", "id", "bigint unsigned", **serial), indexes=(primary("a", "id"),), next_value=9
                ),
                table("b", in_table("b", "A_ID", "bigint unsigned"), foreign_keys=(refers("b", "a_id", "a", "ID"),)),
                table("c", in_table("c", "b_id", "bigint unsigned"), foreign_keys=(refers("c", "b_id", "b", "a_id"),)),
                table("d", in_table("d", "id", "bigint unsigned"), indexes=(primary("d", "id"),)),
            )
        )
    )
    assert {place: one.sql for place, one in found.items()} == {
        ("shop", "a", "id"): "bigint",
        ("shop", "b", "a_id"): "bigint",
        ("shop", "c", "b_id"): "bigint",
        ("shop", "d", "id"): "numeric(20,0)",
    }


def test_a_counter_beyond_bigint_keeps_its_range():
    serial = in_table("a", "id", "bigint unsigned", extra="auto_increment")
    [found] = map_types(Dictionary((table("a", serial, next_value=2**63),))).values()
    assert found.sql == "numeric(20,0)"


def test_an_enum_that_refers_to_an_enum_has_its_type():
    labels = "enum('a','b')"
    found = map_types(
        Dictionary(
            (
                table("p", in_table("p", "kind", labels), indexes=(primary("p", "kind"),)),
                table("q", in_table("q", "kind", labels), foreign_keys=(refers("q", "kind", "p", "kind"),)),
                table("r", in_table("r", "kind", labels)),
            )
        )
    )
    assert found["shop", "q", "kind"].sql == found["shop", "p", "kind"].sql == '"shop"."p_kind"'
    assert found["shop", "r", "kind"].sql == '"shop"."r_kind"'


def test_only_indexes_that_are_in_order_keep_a_type_from_being_an_array():
    words = Index("shop", "t", "words", False, "FULLTEXT", (IndexKey("tags"),))
    [found] = map_types(Dictionary((table("t", in_table("t", "tags", "set('a')"), indexes=(words,)),))).values()
    assert found.sql == "text[]"
