"""What options of verify mean: a share, a duration, a change column with its value."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from voyager.catalog import Table
from voyager.errors import UsageError
from voyager.identifiers import Identifier, TableName, visible

if TYPE_CHECKING:
    from voyager.verification.request import Since

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd])")
_SINCE = re.compile(r'\s*(?:"((?:[^"]|"")+)"|([^"=<>]+?))\s*(?:>=|=)(.*)', re.DOTALL)


class Change(NamedTuple):
    """`--since COLUMN>=VALUE`, as it was typed."""

    column: str
    value: str


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
    """`updated_at>=2026-11-01`, `updated_at=2026-11-01`, `"Changed at">=…`. Raises UsageError."""
    match = _SINCE.fullmatch(text)
    value = match[3].strip() if match else ""
    if match is None or not value:
        raise UsageError(
            f"--since is {visible(text)!r}.",
            "Name the column that tells when a row was changed, and the first value that counts: --since "
            "'updated_at>=2026-11-01'.",
        )
    quoted = match[1]
    return Change(quoted.replace('""', '"') if quoted is not None else match[2].strip(), value)


def with_column(column: str, tables: Iterable[Table]) -> list[TableName]:
    """The tables that have a column. Raises UsageError when none has it."""
    wanted = list(tables)
    found = [table.name for table in wanted if any(one.name == column for one in table.columns)]
    if found:
        return found
    near = sorted({one.name for table in wanted for one in table.columns if one.name.lower() == column.lower()})
    raise UsageError(
        f"--since names the column {Identifier(column)}, which no table that is compared has.",
        f"Did you mean {', '.join(str(Identifier(name)) for name in near)}?" if near else "Check the column's name.",
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
