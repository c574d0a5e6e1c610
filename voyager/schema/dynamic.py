"""Works out the SQL that an EXECUTE runs, as far as the expression behind it tells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from voyager.schema.parse import ParseError, items, name_of, parse, split, strings

Template = tuple[str | None, ...]
"""A text in parts, None for one that is known at run time only."""

UNKNOWN: Template = (None,)
_LITERAL: Template = ("'", None, "'")

# What may stand for an unknown part, in the order in which it is tried.
_STAND_INS = ("x", "", " x ")
_PLACEHOLDER = re.compile(r"%(?:(\d+)\$)?-?\*?\d*([sIL%])")
_LONGEST, _MOST_PARTS, _DEEPEST = 200_000, 1_000, 50


def template_of(expression: Any, texts: Mapping[str, Template], depth: int = 0) -> Template:
    """The text that an expression gives; `texts` are those of variables."""
    parts: list[Template] = []
    node = expression
    while node is not None and depth < _DEEPEST and name_of(node) == "A_Expr" and strings(node.name) == ("||",):
        parts.append(_value_of(items([node.rexpr])[0], texts, depth + 1))
        [node] = items([node.lexpr])
    parts.append(_value_of(node, texts, depth + 1) if node is not None and depth < _DEEPEST else UNKNOWN)
    found = tuple(part for template in reversed(parts) for part in template)
    return found if len(found) <= _MOST_PARTS else UNKNOWN


def statements_of(template: Template) -> list[tuple[str, Any]]:
    """The statements that a template makes, with their trees; none where it cannot be told."""
    if not any(part and part.strip() for part in template) or sum(len(part or "") for part in template) > _LONGEST:
        return []
    for stand_in in _STAND_INS if None in template else ("",):
        text = "".join(stand_in if part is None else part for part in template)
        try:
            return [(raw.text, parse(raw.text)) for raw in split(text)]
        except ParseError:
            continue
    return []


def _value_of(node: Any, texts: Mapping[str, Template], depth: int) -> Template:
    kind = name_of(node)
    if kind == "A_Const":
        return (_constant(node),)
    if kind in {"TypeCast", "CollateClause"}:
        return template_of(items([node.arg])[0], texts, depth)
    if kind == "A_Expr":
        return template_of(node, texts, depth) if strings(node.name) == ("||",) else UNKNOWN
    if kind == "ColumnRef":
        return texts.get(strings(node.fields)[-1], UNKNOWN) if len(strings(node.fields)) == 1 else UNKNOWN
    if kind == "FuncCall":
        return _call(strings(node.funcname)[-1], [template_of(one, texts, depth) for one in items(node.args)])
    return UNKNOWN


def _constant(node: Any) -> str:
    if node.HasField("sval"):
        return str(node.sval.sval)
    if node.HasField("fval"):
        return str(node.fval.fval)
    return str(node.ival.ival) if node.HasField("ival") else ""


def _call(function: str, arguments: Sequence[Template]) -> Template:
    if function in {"quote_literal", "quote_nullable"}:
        return _LITERAL
    if function == "concat":
        return tuple(part for argument in arguments for part in argument)
    if function == "format" and arguments:
        return _format(arguments[0], arguments[1:])
    return UNKNOWN


def _format(pattern: Template, values: Sequence[Template]) -> Template:
    found: list[str | None] = []
    following = 0
    for part in pattern:
        position = 0
        for match in _PLACEHOLDER.finditer(part or ""):
            assert part is not None
            found.append(part[position : match.start()])
            position = match.end()
            if match.group(2) == "%":
                found.append("%")
                continue
            following = int(match.group(1) or following + 1)
            value = values[following - 1] if 0 < following <= len(values) else UNKNOWN
            found.extend({"I": UNKNOWN, "L": _LITERAL}.get(match.group(2), value))
        found.append(part[position:] if part is not None else None)
    return tuple(found)
