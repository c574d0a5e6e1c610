"""Which tables the text of a statement names."""

from __future__ import annotations

from voyager.identifiers import TableName
from voyager.schema.lexer import tokens
from voyager.schema.reader import Reader
from voyager.schema.statements import Statement


def referenced_table(foreign_key: Statement) -> TableName | None:
    """The table that a foreign key refers to; None when the text does not say its schema."""
    reader = Reader(foreign_key.text)
    named = reader.qualified() if reader.skip_to("references") else ()
    return TableName(*named) if len(named) == 2 else None


def names_in(statement: Statement) -> set[TableName]:
    """Every `a.b` of the text, tables among them: a dump names each with its schema."""
    read = [token for token in tokens(statement.text) if token.kind in {"word", "name", "symbol"}]
    return {
        TableName(first.value, second.value)
        for first, dot, second in zip(read, read[1:], read[2:], strict=False)
        if dot.value == "." and dot.kind == "symbol" and "symbol" not in {first.kind, second.kind}
    }
