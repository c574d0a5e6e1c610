"""Words of constructs: functions by the issue that a call of them is, types that a target lacks, syntax."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

_ADVISORY_LOCKS = """
    pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
    pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared
    pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared
"""
_XML = """
    cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema query_to_xml
    query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema
    table_to_xml table_to_xml_and_xmlschema table_to_xmlschema xml xml_in xml_is_well_formed xml_is_well_formed_content
    xml_is_well_formed_document xml_out xml_recv xml_send xmlagg xmlcomment xmlconcat xmlconcat2 xmlelement xmlexists
    xmlforest xmlpi xmlroot xmltable xmltext xmlvalidate xpath xpath_exists
"""
_LARGE_OBJECTS = """
    lo_close lo_creat lo_create lo_export lo_from_bytea lo_get lo_import lo_import_with_oid lo_lseek lo_lseek64
    lo_manage lo_oid lo_open lo_put lo_read lo_tell lo_tell64 lo_truncate lo_truncate64 lo_unlink lo_write loread
    lowrite
"""
_SINCE_16_OR_LATER = """
    array_reverse array_sample array_shuffle array_sort casefold crc32 crc32c date_add date_subtract erf erfc gamma
    icu_unicode_version json_agg_strict json_object_agg_strict json_object_agg_unique json_object_agg_unique_strict
    jsonb_agg_strict jsonb_object_agg_strict jsonb_object_agg_unique jsonb_object_agg_unique_strict lgamma
    pg_basetype pg_input_error_info pg_input_is_valid random_normal system_user to_bin to_oct to_regtypemod
    unicode_assigned unicode_version uuid_extract_timestamp uuid_extract_version uuidv4 uuidv7
"""

NEWER_FUNCTION = "FUNCTION_NEWER_THAN_PG15"

ISSUE_OF_FUNCTION: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(_ADVISORY_LOCKS.split(), "ADVISORY_LOCKS")
    | dict.fromkeys(_XML.split(), "XML_FUNCTIONS")
    | dict.fromkeys(("regexp_count", "regexp_instr", "regexp_like", "regexp_substr"), "REGEX_FUNCTIONS")
    | dict.fromkeys(("range_agg", "range_intersect_agg"), "RANGE_AGGREGATE_FUNCTION")
    | dict.fromkeys(_LARGE_OBJECTS.split(), "LARGE_OBJECT_FUNCTIONS")
    | dict.fromkeys(_SINCE_16_OR_LATER.split(), NEWER_FUNCTION)
    | {"any_value": "ANY_VALUE_AGGREGATE_FUNCTION", "pg_notify": "LISTEN_NOTIFY"}
)

# Functions of the extension lo, which stand in the schema that it was put into.
EXTENSION_FUNCTIONS = frozenset({"lo_manage", "lo_oid"})

# What the server has only from some version on: before it, a function of that name is the schema's own.
RECENT_ISSUES = frozenset(
    {"ANY_VALUE_AGGREGATE_FUNCTION", "RANGE_AGGREGATE_FUNCTION", "REGEX_FUNCTIONS", NEWER_FUNCTION}
)

# Types without which a routine or a query cannot do its work there: of extensions that are missing, and xml, whose
# every operation is refused.
MISSING_TYPES = frozenset({"box2d", "box3d", "geography", "geometry", "raster", "topogeometry", "xml"})

SYSTEM_COLUMNS = frozenset({"cmax", "cmin", "ctid", "xmax", "xmin"})

_SYNTAX = """
    copy current distinct document fetch function json json_array json_arrayagg json_exists json_object json_objectagg
    json_query json_scalar json_serialize json_table json_value language listen local materialized merge notify prepare
    prepared procedure random range release returning rollback savepoint ties unlisten xmlparse xmlserialize
"""
_WORDS = frozenset({*ISSUE_OF_FUNCTION, *MISSING_TYPES, *SYSTEM_COLUMNS, *_SYNTAX.split()})
_WORD = re.compile(r"\w+")
_SIGN = re.compile(r"\[|\(\s*(?:select|table|values|with)\b|\b0[box]|\d_\d|u&", re.IGNORECASE)


def may_hold_constructs(text: str) -> bool:
    """Whether it is worth a walk: no construct does without one of these words or signs."""
    return not _WORDS.isdisjoint(_WORD.findall(text.lower())) or _SIGN.search(text) is not None
