"""Names of database objects: always quoted when they become SQL, always made visible when they are shown."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Identifier:
    """One name as the catalog spells it. `sql` is the only way from a name into a statement."""

    name: str

    def __post_init__(self) -> None:
        if not self.name or "\0" in self.name:
            raise ValueError(f"not an identifier: {self.name!r}")

    @property
    def sql(self) -> str:
        return '"' + self.name.replace('"', '""') + '"'

    def __str__(self) -> str:
        return visible(self.name)


@dataclass(frozen=True, order=True)
class TableName:
    """A relation (table, sequence, view) by schema and name, as the catalog spells them."""

    schema: str
    name: str

    @property
    def sql(self) -> str:
        return f"{Identifier(self.schema).sql}.{Identifier(self.name).sql}"

    def __str__(self) -> str:
        return f"{_readable(self.schema)}.{_readable(self.name)}"


def quote_literal(text: str) -> str:
    """Return `text` as an SQL literal that is safe under both settings of standard_conforming_strings.

    For statements that cannot take bind parameters (DDL, SET, COPY); values elsewhere are bound.
    """
    quoted = text.replace("'", "''")
    if "\\" in quoted:
        return " E'" + quoted.replace("\\", "\\\\") + "'"
    return f"'{quoted}'"


def visible(text: str) -> str:
    """Return `text` with control and format characters shown as escapes, so no name can move a terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(
        character
        if unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        else character.encode("unicode_escape", "surrogatepass").decode("ascii")
        for character in text
    )


def _readable(name: str) -> str:
    """Quote only where needed to read it right: `public.orders`, `public."Odd Name"`."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower() and not name[0].isdigit()
    return name if plain else visible(Identifier(name).sql)
