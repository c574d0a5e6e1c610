"""What options of verify mean: a share, a duration, a change column with its value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from voyager.catalog import Catalog, Table
from voyager.config.values import unquoted
from voyager.errors import UsageError
from voyager.identifiers import Identifier, TableName, visible
from voyager.phases.table_list import choose
from voyager.verification.request import Since

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_NAME = r'"(?:[^"]|"")+"|[^".=<>]+'
_SINCE = re.compile(rf"\s*((?:(?:{_NAME})\s*\.\s*){{0,2}})({_NAME})\s*(?:>=|=)(.*)", re.DOTALL)


class Change(NamedTuple):
    """`--since TABLE.COLUMN>=VALUE`, as it was typed; without a table it is meant for all."""

    column: str
    value: str
    table: str = ""


def share(text: str) -> float:
    """`5%` is 0.05. Raises UsageError."""
    number = text.strip().removesuffix("%").strip()
    try:
        percent = float(number)
    except ValueError:
        percent = -1.0
    if not 0 < percent <= 100:
        raise UsageError(f"--sample is {visible(text)!r}.", "Give a percentage above 0 and up to 100: --sample 5%.")
    return percent / 100


def seconds(text: str) -> float:
    """`90`, `90s`, `45m`, `2h`, `1h30m`: seconds. Raises UsageError."""
    plain = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", plain):
        found = float(plain)
    elif re.fullmatch(f"({_DURATION.pattern}\\s*)+", plain):
        found = sum(float(number) * _UNITS[unit] for number, unit in _DURATION.findall(plain))
    else:
        found = 0.0
    if not found > 0:
        raise UsageError(
            f"--max-duration is {visible(text)!r}.", "Give seconds, or a time with units: 90s, 45m, 2h, 1h30m."
        )
    return found


def change(text: str) -> Change:
    """`updated_at>=2026-11-01`, `sales.orders.changed=2026-11-01`, `"Changed at">=…`. Raises UsageError."""
    match = _SINCE.fullmatch(text)
    value = match[3].strip() if match else ""
    if match is None or not value:
        raise UsageError(
            f"--since is {visible(text)!r}.",
            "Name the column that tells when a row was changed, and the first value that counts: --since "
            "'updated_at>=2026-11-01'.",
        )
    return Change(unquoted(match[2].strip()), value, match[1].strip().removesuffix(".").strip())


def change_columns(texts: Iterable[str], catalog: Catalog, tables: Iterable[Table]) -> dict[TableName, Since]:
    """Which column tells of each table when a row was changed: the one that was named for it, else the one that was
    named for all, if it has it. Raises UsageError for what is not there, and for two of one table."""
    wanted = {table.name: table for table in tables}
    named: dict[TableName, Since] = {}
    general: dict[TableName, Since] = {}
    for one in map(change, texts):
        chosen = [t for t in choose(catalog, (one.table,), ()).tables if t.name in wanted] if one.table else []
        found = with_column(one, chosen if one.table else wanted.values())
        for name in found:
            known = named if one.table else general
            if name in known:
                raise UsageError(f"--since names two columns of table {name}.", "Name one of each table.")
            known[name] = Since(one.column, one.value)
    return {**general, **named}


def with_column(asked: Change, tables: Iterable[Table]) -> list[TableName]:
    """The tables that have a column. Raises UsageError when none has it."""
    wanted, column = list(tables), asked.column
    found = [table.name for table in wanted if any(one.name == column for one in table.columns)]
    if found:
        return found
    near = sorted({one.name for table in wanted for one in table.columns if one.name.lower() == column.lower()})
    of = f"of table {visible(asked.table)}, which is not compared or has none" if asked.table else ""
    raise UsageError(
        f"--since names the column {Identifier(column)}{f' {of}' if of else ', which no table that is compared has'}.",
        f"Did you mean {', '.join(str(Identifier(name)) for name in near)}?" if near else "Check the column's name.",
    )


def described(texts: Iterable[str]) -> str:
    """The same for people: `updated_at >= 2026-11-01, sales.orders.changed >= 2026-11-01`."""
    changes = map(change, texts)
    return ", ".join(
        f"{f'{visible(one.table)}.' if one.table else ''}{Identifier(one.column)} >= {visible(one.value)}"
        for one in changes
    )


def check_value(connection: Any, since: Since, table: TableName) -> None:
    """Let the server read the value as the column's type, before anything is compared. Raises UsageError."""
    from voyager.postgres.connection import DriverError, primary_message, sqlstate

    column = f"t.{Identifier(since.column).sql}".replace("%", "%%")
    relation = table.sql.replace("%", "%%")
    try:
        connection.execute(f"SELECT FROM ONLY {relation} AS t WHERE {column} >= %s LIMIT 0", [since.value])
    except DriverError as error:
        if not (sqlstate(error) or "").startswith(("22", "42")):
            raise
        said = primary_message(error)
        raise UsageError(
            f"--since {Identifier(since.column)} >= {visible(since.value)!r} cannot be asked of table {table}: {said}.",
            "Write the value as the column's type has it.",
        ) from None
