"""ColumnFacts: one column as the dictionary describes it, with what its texts mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from voyager.sources.mysql.names import label, quoted

SPATIAL = frozenset(
    {
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"),
        *("geometrycollection", "geomcollection"),
    }
)
STRINGS = frozenset({"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"})
DATES = frozenset({"date", "datetime", "timestamp"})

_VERSION_COMMENT = re.compile(r"\s*/\*M?!.*?\*/", re.DOTALL)
_MEMBER = re.compile(r"'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_BITS = re.compile(r"b'[01]*'|x'[0-9a-f]*'|0x[0-9a-f]*", re.IGNORECASE)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "0": "\0", "Z": "\x1a"}
_ZERO_DATE = re.compile(r"0000-|\d{4}-00-|\d{4}-\d\d-00")


@dataclass(frozen=True)
class ColumnFacts:
    """One column. `data_type` is the bare type in lower case, `column_type` all of it. `default` is the dictionary's
    text and `default_kind` how to read it: "literal" (as it stands), "expression", "sql" (quoted where it is a literal,
    the word NULL for none) or "". `extra` is in lower case. `json` says that MariaDB checks it to be JSON."""

    schema: str
    table: str
    name: str
    data_type: str
    column_type: str = ""
    position: int = 1
    nullable: bool = True
    default: str | None = None
    default_kind: str = ""
    extra: str = ""
    generation: str = ""
    length: int | None = None
    octets: int | None = None
    precision: int | None = None
    scale: int | None = None
    fraction: int = 0
    charset: str = ""
    collation: str = ""
    json: bool = False

    @classmethod
    def of(cls, row: Mapping[str, Any], *, checks: str = "") -> ColumnFacts:
        """From one row of the question `columns`; `checks` is the text of the table's CHECK constraints."""
        data_type = str(row["data_type"]).lower()
        valid = f"json_valid({quoted(row['column_name'])})".casefold()
        return cls(
            row["schema_name"],
            row["table_name"],
            row["column_name"],
            data_type=data_type,
            column_type=_VERSION_COMMENT.sub("", row["column_type"] or ""),
            position=row["ordinal_position"] or 0,
            nullable=row["is_nullable"] == "YES",
            # A file of metadata does not tell an empty text from none.
            default="" if row["column_default"] is None and row["default_kind"] == "literal" else row["column_default"],
            default_kind=row["default_kind"] or "",
            extra=(row["extra"] or "").lower(),
            generation=row["generation_expression"] or "",
            length=row["character_length"],
            octets=row["octet_length"],
            precision=row["numeric_precision"],
            scale=row["numeric_scale"],
            fraction=row["datetime_precision"] or 0,
            charset=row["character_set_name"] or "",
            collation=row["collation_name"] or "",
            json=data_type == "longtext" and valid in checks.casefold(),
        )

    @property
    def label(self) -> str:
        return label(self.schema, self.table, self.name)

    @property
    def unsigned(self) -> bool:
        return " unsigned" in self._attributes or self.zerofill

    @property
    def zerofill(self) -> bool:
        return " zerofill" in self._attributes

    @property
    def auto_increment(self) -> bool:
        return "auto_increment" in self.extra

    @property
    def on_update(self) -> bool:
        return "on update" in self.extra

    @property
    def generated(self) -> str:
        """'' for an ordinary column, 'v' virtual, 's' stored."""
        if "virtual generated" in self.extra or ("virtual" in self.extra and self.generation):
            return "v"
        return "s" if "stored generated" in self.extra or "persistent" in self.extra else ""

    @property
    def period(self) -> bool:
        """Whether it is the start or end of a row's validity in a system-versioned table."""
        return self.generation.upper() in {"ROW START", "ROW END"}

    @property
    def invisible(self) -> bool:
        return "invisible" in self.extra.split() or "invisible" in self.extra.replace(",", " ").split()

    @property
    def case_insensitive(self) -> bool:
        return self.data_type in STRINGS and self.collation.lower().endswith("_ci")

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The labels of an ENUM or SET."""
        return tuple(_unescaped(found[1]) for found in _MEMBER.finditer(self.column_type))

    @cached_property
    def default_literal(self) -> str | None:
        """The default value, where it is a constant."""
        if self.default is None or self.default_kind == "expression":
            return None
        if self.default_kind != "sql":
            return self.default
        quotes = _MEMBER.fullmatch(self.default)
        if quotes is not None:
            return _unescaped(quotes[1])
        constant = _NUMBER.fullmatch(self.default) or _BITS.fullmatch(self.default)
        return self.default if constant else None

    @cached_property
    def default_expression(self) -> str | None:
        """The default, where it has to be computed; `current_timestamp()` is one."""
        if self.default is None or self.default_literal is not None:
            return None
        if self.default_kind == "sql" and self.default.upper() == "NULL":
            return None
        return self.default

    @property
    def default_is_now(self) -> bool:
        return bool(
            self.default_expression and self.default_expression.lower().startswith(("current_timestamp", "now("))
        )

    @property
    def zero_default(self) -> bool:
        """Whether the default is a date that does not exist, such as 0000-00-00."""
        literal = self.default_literal
        return self.data_type in DATES and literal is not None and _ZERO_DATE.match(literal) is not None

    @property
    def _attributes(self) -> str:
        """The type's text behind its parentheses, where a label cannot be mistaken for a word."""
        return self.column_type.rpartition(")")[2].lower() if "(" in self.column_type else self.column_type.lower()


def _unescaped(text: str) -> str:
    """What a quoted literal holds: quotes are doubled, and a backslash escapes."""
    return re.sub(
        r"''|\\(.)", lambda found: _ESCAPES.get(found[1], found[1]) if found[1] else "'", text, flags=re.DOTALL
    )
