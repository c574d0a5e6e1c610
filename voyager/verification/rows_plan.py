"""From the plan of a table to what level rows reads of it."""

from __future__ import annotations

from voyager.identifiers import Identifier
from voyager.verification.canonical import FLOAT8
from voyager.verification.chunks import Chunk, Plan, where_sql
from voyager.verification.digest import Method
from voyager.verification.forms import SOURCE, TARGET, Form
from voyager.verification.repair_read import Concerned
from voyager.verification.rows_cuts import KeyChunk
from voyager.verification.rows_sql import Compared, Excuse, KeyColumn, RowRange

_SORTED_BY_TYPE = {
    "int4": "integer",
    "int8": "bigint",
    "numeric": "numeric",
    "numeric by value": "numeric",
    "float4": "double precision",
    "float8": "double precision",
    "uuid": "uuid",
    "bytea": "bytea",
}
"""Forms of key columns that both sides sort alike by themselves, and the type that says how."""

LONGEST = 1 << 20
"""Characters of a value that is compared as it is: of a longer one its length and its MD5 travel."""

_MAY_BE_LONG = dict.fromkeys(
    ("string", "citext", "bytea", "json", "jsonb", "array", "composite", "range", "bit", "hstore", "other"), "{v}::text"
) | {"bpchar": "textin(bpcharout({v}))", "xml": "textin(xml_out({v}))"}
"""Forms of types whose values can be as long as a server's memory, and their text."""

# What is stored beside its row is asked for its length, which a short value is spared.
_BOUNDED = (
    f"CASE WHEN pg_column_size({{v}}) > 8192 AND octet_length({{text}}) > {LONGEST} "
    "THEN octet_length({text}) || ' bytes, md5 ' || md5(convert_to({text}, 'UTF8')) ELSE {text} END"
)


def row_range(
    plan: Plan, chunk: Chunk, method: Method, excuses: tuple[tuple[str, tuple[Form, ...]], ...] = ()
) -> RowRange:
    """What one chunk of a plan without buckets is at level rows."""
    where, bounds = chunk.where_sql(method) if isinstance(chunk, KeyChunk) else where_sql(chunk)
    return RowRange(
        plan.table,
        tuple(_compared(form, method) for form in plan.columns),
        tuple(KeyColumn(form.column, _SORTED_BY_TYPE.get(form.name, "text")) for form in plan.key),
        where,
        bounds,
        chunk.number,
        utf8=not method.one_encoding,
        excuses=tuple(Excuse(kind, _excused(plan, forms)) for kind, forms in excuses),
        by_range=bool(chunk.column) and plan.by_ranges and not isinstance(chunk, KeyChunk),
        partitioned=plan.partitioned,
    )


def concerned(plan: Plan, method: Method) -> Concerned:
    """What repair SQL asks of the plan."""
    part = row_range(plan, Chunk(plan.table, 0), method)
    return Concerned(
        plan.table,
        tuple(form.column for form in plan.columns),
        tuple(form.column for form in plan.key),
        (part.row_text(source=True), part.row_text(source=False)),
        plan.partitioned[TARGET],
    )


def _excused(plan: Plan, forms: tuple[Form, ...]) -> tuple[Compared, ...]:
    """The columns that an excuse compares in a way of its own."""
    other = (way for way, exact in zip(forms, plan.columns, strict=True) if way != exact)
    return tuple(
        Compared(way.column, *(way.valued(side).sql.replace("{s}", "0") for side in (SOURCE, TARGET))) for way in other
    )


def _compared(form: Form, method: Method) -> Compared:
    """A value is told by what its type prints; only where the two sides print otherwise by the form's own text."""
    column = f"t.{Identifier(form.column).sql}"
    if form.name == "char":
        return Compared(form.column, f"{column}::integer", f"{column}::integer")
    if form.name in _MAY_BE_LONG:
        bounded = _BOUNDED.replace("{text}", _MAY_BE_LONG[form.name]).replace("{v}", column)
        return Compared(form.column, bounded, bounded)
    if _has_one_type(form) and (method.exact_floats or "float" not in form.name):
        return Compared(form.column)
    return Compared(form.column, *(form.sql[side].replace("{v}", column) for side in (SOURCE, TARGET)))


def _has_one_type(form: Form) -> bool:
    """Whether the column prints alike on both sides: it has the same type there, or integers of two widths."""
    if form.name.endswith(" by value") or " and " in form.name:
        return False
    return form.name != FLOAT8.name or form.sql[SOURCE] == FLOAT8.text
