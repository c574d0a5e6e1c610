"""From forms to numbers: a 64-bit number for a column and for a row, alike on both servers for the same values."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from voyager.verification.canonical import TYPED
from voyager.verification.session import EXACT_FLOATS_SINCE

HASH64, MD5 = "hash64", "md5"
_OPEN = re.compile(r"\{([vs])\}")
NEWEST = 180000
"""The version from which on every type's hash function can be called by name."""


@dataclass(frozen=True)
class Method:
    """How a row becomes a number; always the same on both sides of one comparison.

    `digest` is "hash64" (the servers' own 64-bit hash functions) or "md5" (its first 64 bits, where those disagree).
    `one_encoding` is False when the servers store characters in other bytes, `exact_floats` when only one of them
    prints floating-point numbers exactly. `newest` allows the hash functions of version 18.
    """

    digest: str = HASH64
    one_encoding: bool = True
    exact_floats: bool = True
    newest: bool = False

    @property
    def name(self) -> str:
        """The method for people and for saved chunks, which only mean something under the same method."""
        parts = [self.digest]
        parts += [] if self.one_encoding else ["utf8"]
        parts += [] if self.exact_floats else ["old floats"]
        parts += ["18"] if self.newest else []
        return "+".join(parts)


@dataclass(frozen=True)
class Server:
    """What decides the method, asked of one server."""

    version_number: int
    encoding: str
    hash_of_probe: tuple[int, ...] | None


# One of every function that the typed forms are built from.
_PROBE = """
    SELECT hashtextextended('yb-voyager 0123456789' COLLATE "C", 7), hashint4extended(-4711, 7),
        hashint8extended(-1234567890123456789, 7),
        uuid_hash_extended('6b1f0e9c-24e7-4c2f-9d7a-3d8f4b1a7c55', 7),
        hash_array_extended(ARRAY['\\x00ff10'::bytea], 7),
        hash_array_extended(ARRAY[timestamptz_send('2024-02-29 12:34:56.789+00')], 7)
"""
_KNOWN = """
    SELECT current_setting('server_encoding'), bool_and(to_regprocedure(f) IS NOT NULL)
    FROM unnest(ARRAY['hashtextextended(text, bigint)', 'hashint4extended(integer, bigint)',
        'hashint8extended(bigint, bigint)', 'uuid_hash_extended(uuid, bigint)',
        'hash_array_extended(anyarray, bigint)']) AS f
"""


def describe_server(connection: Any) -> Server:
    """Ask a server what decides the method."""
    encoding, known = connection.execute(_KNOWN).fetchone()
    probe = tuple(connection.execute(_PROBE).fetchone()) if known else None
    return Server(connection.info.server_version, encoding, probe)


def choose_method(one: Server, other: Server) -> Method:
    """The fastest method that means the same on both servers."""
    agree = one.hash_of_probe is not None and one.hash_of_probe == other.hash_of_probe
    versions = (one.version_number, other.version_number)
    return Method(
        digest=HASH64 if agree else MD5,
        one_encoding=one.encoding == other.encoding,
        exact_floats=(min(versions) >= EXACT_FLOATS_SINCE) == (max(versions) >= EXACT_FLOATS_SINCE),
        newest=agree and min(versions) >= NEWEST,
    )


@dataclass(frozen=True)
class Valued:
    """One column on one side: its form's family and SQL, in which {v} stands for `value` and {s} for a seed."""

    family: str
    template: str
    value: str
    never_null: bool = False

    def with_seed(self, seed: str) -> str:
        """The SQL, filled in at one go: a column may be called {s}."""
        return _OPEN.sub(lambda found: self.value if found[1] == "v" else seed, self.template)

    @property
    def sql(self) -> str:
        """The same with any seed: a text has none."""
        return self.with_seed("0")


def column_number(column: Valued, place: int, method: Method) -> str:
    """SQL for a column's 64-bit number, which tells NULL from every value and depends on the column's place."""
    return f"COALESCE({_hash(column, str(place + 1), method)}, {_number_of_null(place)})"


def row_number(columns: Sequence[Valued], method: Method) -> str:
    """SQL for the row's 64-bit number, a bigint.

    Every column's hash is the seed of the next one's, which is the quickest. A NULL anywhere makes NULL of that; such
    rows get the exclusive or of their columns' numbers, sent through the hash once more as its seed: sums of the bare
    exclusive or would be blind, one time in a hundred million, for values that change places between two rows.
    Nothing relies on a column's NOT NULL, which the server may have been told not to check.
    """
    if method.digest == MD5:
        return _md5(framed_text([column.sql for column in columns]))
    if not columns:
        return "1::bigint"
    chain = "1"
    # What may be NULL comes first, so that little is done in vain.
    for column in sorted(columns, key=lambda column: column.never_null):
        chain = _hash(column, chain, method)
    numbers = " # ".join(column_number(column, place, method) for place, column in enumerate(columns))
    return f"COALESCE({chain}, hashint4extended({len(columns)}, {numbers}))"


def framed_text(texts: Sequence[str]) -> str:
    """SQL for all texts in one, each with its length, so that no other texts give the same; NULL has no length."""
    parts = [f"COALESCE(length({text})::text || ':' || ({text}), '-')" for text in texts]
    return " || ".join(parts) or "'no columns'"


def _hash(column: Valued, seed: str, method: Method) -> str:
    """The column's hash; NULL of NULL, which an array of one NULL is not."""
    if column.family == TYPED:
        return column.with_seed(seed)
    text = column.sql
    if method.digest == MD5:
        return _md5(f"'{seed} ' || ({text})")
    if method.one_encoding:
        return f'hashtextextended(({text}) COLLATE "C", {seed})'
    # An array of a NULL has a hash.
    return f"CASE WHEN ({text}) IS NOT NULL THEN hash_array_extended(ARRAY[convert_to(({text}), 'UTF8')], {seed}) END"


def _md5(text: str) -> str:
    return f"('x' || substr(md5(convert_to({text}, 'UTF8')), 1, 16))::bit(64)::bigint"


def _number_of_null(place: int) -> int:
    """A number that no hash is likelier to give than any other."""
    return int.from_bytes(hashlib.blake2b(f"NULL {place}".encode(), digest_size=8).digest(), signed=True)
