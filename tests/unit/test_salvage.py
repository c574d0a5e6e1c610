"""The search for rows at fault: whatever is wrong where, every row ends in the table or aside, and none in both."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from voyager.identifiers import TableName
from voyager.phases.load.copy_row import values_of
from voyager.postgres.retries import retry_class
from voyager.target.fill import Filled, Load
from voyager.target.salvage import Refused, Rows, Salvage

TABLE = TableName("public", "t")


class Refusal(OSError):
    """An error of the driver, as a server raises it: with or without the line that it was at."""

    sqlstate = "22003"

    def __init__(self, line: int | None) -> None:
        super().__init__("out of range")
        self.context = None if line is None else f'COPY t, line {line}, column a: "x"'


class Server:
    """Keeps rows by savepoints, as a transaction does, and refuses the bad ones."""

    def __init__(self, bad: set[bytes], *, says_line: bool) -> None:
        self.bad, self.says_line = bad, says_line
        self.rows: list[bytes] = []
        self.saved: list[int] = []
        self.tries = self.sent = 0

    async def execute(self, sql: str) -> None:
        if sql.startswith("SAVEPOINT"):
            self.saved.append(len(self.rows))
        elif sql.startswith("ROLLBACK TO"):
            del self.rows[self.saved[-1] :]
        elif sql.startswith("RELEASE"):
            self.saved.pop()

    async def prepare(self, _connection: Any, _batch: Load) -> None:
        return

    async def fill(self, _connection: Any, batch: Load) -> Filled:
        self.tries += 1
        rows = b"".join(bytes(piece) for piece in batch.pieces()).splitlines()
        assert len(rows) == batch.rows
        self.sent += len(rows)
        for number, row in enumerate(rows, 1):
            if row in self.bad:
                raise Refusal(number if self.says_line else None)
            self.rows.append(row)
        return Filled(rows=len(rows))


def search(server: Server, rows: list[bytes]) -> tuple[Filled, list[Refused]]:
    text = Rows.of(b"".join(row + b"\n" for row in rows))
    salvage = Salvage(server, text, checkpoint=lambda: None, begin=lambda: None, give_up=lambda _: None)
    load = Load(TABLE, ("a",), len(rows), "rows", lambda: (text.text,))
    return asyncio.run(salvage.fill(server, load)), salvage.refused  # type: ignore[arg-type]


@pytest.mark.parametrize("says_line", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_every_row_is_in_or_aside(seed: int, says_line: bool) -> None:
    chance = random.Random(seed)
    rows = [str(number).encode() for number in range(chance.randint(1, 700))]
    bad = set(chance.sample(rows, chance.randint(0, len(rows))))
    server = Server(bad, says_line=says_line)
    filled, refused = search(server, rows)
    assert server.rows == [row for row in rows if row not in bad]
    assert [rows[one.row] for one in refused] == [row for row in rows if row in bad]
    assert (filled.rows, filled.set_aside) == (len(rows) - len(bad), len(bad))
    assert server.saved == []


@pytest.mark.parametrize(("says_line", "tries", "sent"), [(True, 60, 60_000), (False, 200, 100_000)])
def test_few_bad_rows_among_many_are_found_with_few_tries(says_line: bool, tries: int, sent: int) -> None:
    rows = [str(number).encode() for number in range(20_000)]
    server = Server({rows[at] for at in (0, 1, 7000, 7001, 13_000, 19_999)}, says_line=says_line)
    _, refused = search(server, rows)
    assert len(refused) == 6
    assert server.tries < tries
    assert server.sent < sent


def test_the_text_of_a_row_is_cut_where_it_ends() -> None:
    rows = Rows.of(b"a\tb\n\nc\\\n")
    assert [bytes(rows.between(at, at + 1)) for at in range(len(rows))] == [b"a\tb\n", b"\n", b"c\\\n"]
    assert len(Rows.of(b"")) == 0


def test_the_values_of_a_row_are_read_as_copy_writes_them() -> None:
    row = "1\t\\N\ta\\tb\\\\n\\n\t\\x41\\101é\t\n".encode()
    assert values_of(row, ("a", "b", "c", "d", "e"), ("a", "b", "c", "d", "e")) == {
        "a": "1", "b": None, "c": "a\tb\\n\n", "d": "AAé", "e": ""}  # fmt: skip
    assert values_of(row, ("a", "b", "c", "d", "e"), ("d",)) == {"d": "AAé"}
    assert values_of(b"\\N\n", ("a",), ("a",)) == {"a": None}


class Said(Exception):
    def __init__(self, state: str, text: str = "x") -> None:
        super().__init__(text)
        self.sqlstate = state


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Said("40001"), "serialization"),
        (Said("40001", "Catalog Version Mismatch: A DDL occurred"), "catalog"),
        (Said("XX000", "schema version mismatch for table"), "catalog"),
        (Said("XX000", "Restart read required at"), "serialization"),
        (Said("40P01"), "deadlock"),
        (Said("53300"), "too many connections"),
        (Said("57014"), "cancelled"),
        (Said("57P01"), "connection"),
        (Said("08006"), "connection"),
        (Said("XX000", "Timed out waiting for Write: memory pressure"), "memory"),
        (Said("XX000", "timed out waiting for"), "timeout"),
        (ConnectionResetError(), "connection"),
        (Said("XX000", "Try again"), "other"),
    ],
)
def test_what_is_tried_again_is_counted_by_its_class(error: BaseException, expected: str) -> None:
    assert retry_class(error) == expected
