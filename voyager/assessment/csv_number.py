"""One number of a metadata file: read exactly, and refused where what its column holds cannot be that."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from types import MappingProxyType

from voyager.identifiers import visible

_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_SHOWN = 40
_LARGEST = Decimal(2**64 - 1)
"""MySQL counts without a sign."""


class NotThatNumber(ValueError):
    """What stands there is no number, or none that the column can hold; the text is a sentence."""


@dataclass(frozen=True)
class _Kind:
    lowest: Decimal
    highest: Decimal
    whole: bool = True


_COUNT = _Kind(Decimal(0), _LARGEST)
_MEASURE = _Kind(Decimal(0), _LARGEST, whole=False)
_SHARE = _Kind(Decimal(0), Decimal(1), whole=False)
_SIGNED = _Kind(Decimal(-(2**63)), Decimal(2**63 - 1))
# Sequences of Oracle have numbers of up to 28 digits.
_OF_SEQUENCE = _Kind(-(Decimal(10) ** 28), Decimal(10) ** 28)
_KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "null_frac": _SHARE,
        "most_common_freq": _SHARE,
        # A share of the rows, below zero, times a number of rows that is -1 as long as nothing has counted them.
        "effective_n_distinct": _Kind(_SIGNED.lowest, _LARGEST, whole=False),
        **dict.fromkeys((f"{name}_exec_time" for name in ("total", "mean", "min", "max", "stddev")), _MEASURE),
        "queryid": _SIGNED,
        **dict.fromkeys(("data_scale", "attr_scale", "elem_scale"), _SIGNED),
        **dict.fromkeys(("min_value", "max_value", "increment_by", "last_number"), _OF_SEQUENCE),
    }
)
"""What is no count by column; all others count something: rows, bytes, calls, places."""


def read_number(text: str, column: str) -> int | float:
    """The number that `text` writes, an int where it is whole. Raises NotThatNumber."""
    text = text.strip()
    kind = _KINDS.get(column, _COUNT)
    shown = f'"{visible(text[:_SHOWN])}"'
    value = _decimal(text)
    if value is None:
        raise NotThatNumber(f"{shown} is not a number.")
    if kind is _SHARE and not 0 <= value <= 1:
        raise NotThatNumber(f"{shown} is not a share between 0 and 1.")
    if not kind.lowest and value < 0:
        raise NotThatNumber(f"{shown} is below zero, which this cannot be.")
    if not kind.lowest <= value <= kind.highest:
        raise NotThatNumber(f"{shown} is too large a number for what this holds.")
    if value == value.to_integral_value():
        return int(value)
    if kind.whole:
        raise NotThatNumber(f"{shown} is not a whole number.")
    return float(value)


def _decimal(text: str) -> Decimal | None:
    try:
        value = Decimal(text) if _NUMBER.fullmatch(text) else None
    except DecimalException:
        return None
    return value if value is not None and value.is_finite() else None
