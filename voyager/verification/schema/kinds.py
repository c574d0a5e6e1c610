"""The kinds of object that are compared, each with its question: a table that the comparison walks through once."""

from __future__ import annotations

from voyager.verification.schema.objects import ARGUMENTS, CONSTRAINT, EXPRESSION, STATEMENT, Kind

_KEYS = ("primary_key", "unique", "check", "foreign_key", "exclusion", "not_valid_constraint", "validate_constraint")
_TABLES = ("table", "foreign_table", "view", "materialized_view", "view_replacement")
_SETTINGS = ("table_setting", "inheritance", "attach_partition", "replica_identity", "row_security")

# Wholes stand before their parts: what is missing is known by then.
KINDS = (
    Kind("schema", ("schema",)),
    Kind("extension", ("extension",)),
    Kind("language", ("language",)),
    Kind("access_method", ("access_method",)),
    Kind("collation", ("collation",), since={"deterministic": 120000, "rules": 160000}),
    Kind("conversion", ("conversion",)),
    Kind("type", ("type", "domain"), printed={"default_value": EXPRESSION}, since={"multirange": 140000}),
    Kind(
        "routine",
        ("function", "procedure"),
        printed={"arguments": ARGUMENTS, "standard_body": STATEMENT},
        since={"support_function": 120000, "standard_body": 140000},
    ),
    Kind("aggregate", ("aggregate",), printed={"arguments": ARGUMENTS}),
    Kind("operator", ("operator",)),
    Kind("operator_family", ("operator_family",)),
    Kind("operator_class", ("operator_class",)),
    Kind("cast", ("cast",)),
    Kind("transform", ("transform",)),
    Kind("text_search_parser", ("text_search",)),
    Kind("text_search_template", ("text_search",)),
    Kind("text_search_dictionary", ("text_search",)),
    Kind("text_search_configuration", ("text_search",)),
    Kind("foreign_data_wrapper", ("foreign_data_wrapper",)),
    Kind("server", ("server",)),
    Kind("relation", (*_TABLES, *_SETTINGS), since={"access_method": 120000}),
    Kind(
        "view", ("view", "materialized_view", "view_replacement"), part_of="itself", printed={"definition": STATEMENT}
    ),
    Kind(
        "column",
        ("default", "identity", "column_setting"),
        part_of="relation",
        printed={"default_value": EXPRESSION},
        since={"generated": 120000, "compression": 140000},
    ),
    Kind("constraint", _KEYS, part_of="relation", printed={"definition": CONSTRAINT}),
    Kind(
        "index",
        ("index", "index_setting", "index_attach", "cluster"),
        part_of="relation",
        printed={"keys": EXPRESSION, "predicate": EXPRESSION},
        since={"nulls_not_distinct": 150000, "key_options": 130000},
    ),
    Kind("sequence", ("sequence", "sequence_setting", "sequence_owner"), part_of="relation"),
    Kind("trigger", ("trigger",), part_of="relation", printed={"definition": STATEMENT}),
    Kind("rule", ("rule",), part_of="relation", printed={"definition": STATEMENT}),
    Kind(
        "policy",
        ("policy",),
        part_of="relation",
        printed={"condition": EXPRESSION, "check_condition": EXPRESSION},
    ),
    Kind("statistics", ("statistics",), printed={"definition": STATEMENT}, since={"statistics_target": 130000}),
    Kind("event_trigger", ("event_trigger",)),
    Kind("publication", ("publication",), since={"via_root": 130000, "generated_columns": 180000}),
    Kind(
        "publication_table",
        ("publication",),
        part_of="publication",
        printed={"row_filter": EXPRESSION},
        from_version=150000,
    ),
    Kind(
        "publication_table",
        ("publication",),
        part_of="publication",
        asked_by="publication_table_11",
        before_version=150000,
    ),
    Kind("publication_schema", ("publication",), part_of="publication", from_version=150000),
    Kind("comment", ("comment",)),
    Kind("owner", ("owner",)),
    Kind("grant", ("grant",)),
)

CARRIED_IF_ASKED = ("comment", "owner", "grant")
"""Kinds that an export leaves out unless it was told otherwise: they are compared where it took them along."""
