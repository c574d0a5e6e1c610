"""What PostgreSQL, and so the target, makes of names: which are too long, reserved or in need of quotes."""

from __future__ import annotations

import re

LONGEST = 63
"""Bytes that are kept of a name."""
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "cmin", "xmax", "cmax", "tableoid", "ybctid"})
_WORDS = """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate collation
    column concurrently constraint create cross current_catalog current_date current_role current_schema current_time
    current_timestamp current_user default deferrable desc distinct do else end except false fetch for foreign freeze
    from full grant group having ilike in initially inner intersect into is isnull join lateral leading left like limit
    localtime localtimestamp natural not notnull null offset on only or order outer overlaps placing primary references
    returning right select session_user similar some symmetric table tablesample then to trailing true union unique user
    using variadic verbose when where window with
"""
RESERVED = frozenset(_WORDS.split())
"""Words that PostgreSQL 15 takes for no table and no column without quotes."""
_PLAIN = re.compile(r"[A-Za-z_\u0080-\U0010ffff][\w$]*")


def reserved(name: str) -> bool:
    return name.lower() in RESERVED


def odd(name: str) -> bool:
    """Whether a name has to stand in quotes for its characters, whatever its case."""
    return _PLAIN.fullmatch(name) is None


def too_long(name: str) -> bool:
    return len(name.encode()) > LONGEST


def folded(name: str) -> str:
    """The name as the target keeps it without quotes."""
    return name.lower().encode()[:LONGEST].decode(errors="ignore")
