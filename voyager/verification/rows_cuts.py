"""Level rows cuts a large table whose key is no integer where a sample of its keys says, so that it can go on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any

from voyager.identifiers import Identifier, TableName, visible
from voyager.verification.chunks import Chunk, Plan, from_sql
from voyager.verification.digest import Method
from voyager.verification.forms import Form
from voyager.verification.rows_sql import bytes_sql
from voyager.verification.structure import Shape

SAMPLES_PER_CHUNK = 100
MOST_SCANS = 16
"""Parts of a table that no index leads to: the whole table is read for each of them."""

_SHOWN = 60
_ORDERED_ALIKE = {
    "bool": "boolean",
    "int4": "bigint",
    "int8": "bigint",
    "numeric": "numeric",
    "uuid": "uuid",
    "bytea": "bytea",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamptz",
}
"""Forms whose values every server orders alike, as an index does, and the type that a bound is read as."""


@dataclass(frozen=True)
class KeyChunk(Chunk):
    """A part by the first columns of the key: `lower` (included) to `upper` (excluded) are texts, empty for an open
    end. `types` are what the texts are read as; without them the one column is compared by the bytes of its text."""

    columns: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    lower: tuple[str, ...] = ()
    upper: tuple[str, ...] = ()

    @property
    def lo(self) -> str | None:
        return _digest(self.lower)

    @property
    def hi(self) -> str | None:
        return _digest(self.upper)

    @property
    def where(self) -> str:
        names = ", ".join(str(Identifier(name)) for name in self.columns)
        names = f"({names})" if len(self.columns) > 1 else names
        ends = [f"{names} {sign} {_shown(bound)}" for sign, bound in ((">=", self.lower), ("<", self.upper)) if bound]
        return " and ".join(ends) or "the whole table"

    def where_sql(self, method: Method) -> tuple[str, dict[str, Any]]:
        """The part as SQL over alias t, and its parameters."""
        terms: list[str] = []
        bounds: dict[str, Any] = {}
        for name, sign, bound in (("lower", ">=", self.lower), ("upper", "<", self.upper)):
            if bound:
                terms.append(f"{_ordered(self.columns, self.types, method)} {sign} {self._bound(name, method)}")
                bounds |= {f"{name}{place}": text for place, text in enumerate(bound)}
        if self.since is not None:
            changed = f"t.{Identifier(self.since.column).sql}".replace("%", "%%")
            terms.append(f"{changed} >= %(since)s")
            bounds["since"] = self.since.value
        return " AND ".join(terms) or "true", bounds

    def _bound(self, name: str, method: Method) -> str:
        if not self.types:
            return bytes_sql(f"%({name}0)s::text", utf8=not method.one_encoding)
        return f"ROW({', '.join(f'%({name}{place})s::{type_name}' for place, type_name in enumerate(self.types))})"


def in_key_order(source: Any, plan: Plan, here: Shape, there: Shape, *, method: Method, rows_per_chunk: int) -> Plan:
    """The plan for level rows: buckets of a hash have no order. `source` is asked for a sample of the keys."""
    if not plan.bucketed:
        return plan
    whole = KeyChunk(plan.table, 0, since=plan.chunks[0].since)
    columns, types = _cut_by(plan, method)
    wanted = -(-plan.rows_estimated // rows_per_chunk)
    if not types or not (here.ordered and there.ordered and here.key == there.key):
        wanted = min(wanted, MOST_SCANS)
    cuts = _cuts(source, plan.table, (columns, types), wanted, plan.rows_estimated, method) if columns else []
    edges = [(), *cuts, ()]
    return replace(
        plan,
        chunks=tuple(
            replace(whole, number=number, columns=columns, types=types, lower=edges[number], upper=edges[number + 1])
            for number in range(len(cuts) + 1)
        ),
    )


def _cut_by(plan: Plan, method: Method) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The first columns of the key that order alike everywhere, and their types; else its first column alone, if both
    sides print it alike."""
    columns: list[str] = []
    types: list[str] = []
    for form in plan.key:
        if form.name not in _ORDERED_ALIKE:
            break
        columns.append(form.column)
        types.append(_ORDERED_ALIKE[form.name])
    if not columns and plan.key and _prints_alike(plan.key[0], method):
        columns = [plan.key[0].column]
    return tuple(columns), tuple(types)


def _prints_alike(form: Form, method: Method) -> bool:
    if " and " in form.name or form.name.endswith(" by value") or form.name in ("char", "money"):
        return False
    return method.exact_floats or "float" not in form.name


def _cuts(
    source: Any,
    table: TableName,
    by: tuple[tuple[str, ...], tuple[str, ...]],
    wanted: int,
    rows: int,
    method: Method,
) -> list[tuple[str, ...]]:
    """Where to cut into `wanted` parts; of an unchanged table always the same."""
    percent = min(100.0, 100.0 * SAMPLES_PER_CHUNK * wanted / max(1, rows))
    texts = ", ".join(f"t.{Identifier(name).sql}::text" for name in by[0]).replace("%", "%%")
    sample = f"TABLESAMPLE SYSTEM ({percent:.6f}) REPEATABLE (0)"
    order = _ordered(*by, method)
    keys = source.execute(f"SELECT {texts} {from_sql(table)} {sample} ORDER BY {order}", {}).fetchall()
    found = dict.fromkeys(tuple(keys[len(keys) * part // wanted]) for part in range(1, wanted)) if keys else {}
    return list(found)


def _ordered(columns: tuple[str, ...], types: tuple[str, ...], method: Method) -> str:
    names = [f"t.{Identifier(name).sql}".replace("%", "%%") for name in columns]
    return f"ROW({', '.join(names)})" if types else bytes_sql(f"{names[0]}::text", utf8=not method.one_encoding)


def _digest(bound: tuple[str, ...]) -> str | None:
    """A bound as it is kept: the ledger holds nobody's data."""
    return f"key {hashlib.sha256(json.dumps(bound).encode()).hexdigest()[:32]}" if bound else None


def _shown(bound: tuple[str, ...]) -> str:
    texts = [f"'{visible(text[:_SHOWN])}'" for text in bound]
    return f"({', '.join(texts)})" if len(texts) > 1 else texts[0]
