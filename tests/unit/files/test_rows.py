"""Where rows end: the scanners against COPY's own loop, written out byte by byte."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voyager.files import cutter
from voyager.files.cutter import Cut, Cutter, RowWithoutEnd
from voyager.files.dialect import Dialect, choose
from voyager.files.rows import Rows, newline_of, rows_of

CSV, ESCAPED, TEXT = choose(format="csv"), choose(format="csv", escape="\\"), choose(format="text")
DIALECTS = pytest.mark.parametrize("dialect", [CSV, ESCAPED, TEXT], ids=["csv", "escaped", "text"])
BYTES = st.lists(st.sampled_from([b'"', b'""', b"\\", b"\n", b"\r\n", b"a", b",", b"xyz"]), max_size=60).map(b"".join)


def ends(data: bytes, dialect: Dialect) -> list[int]:
    """Where rows end, as the server's loop over single characters has it."""
    quote, escape = ord(dialect.quote), ord(dialect.escape)
    found, inside, escaped = [], False, False
    for place, sign in enumerate(data):
        if dialect.format == "text":
            if sign == 0x0A and not escaped:
                found.append(place + 1)
            escaped = sign == 0x5C and not escaped
            continue
        if inside and sign == escape:
            escaped = not escaped
        if sign == quote and not escaped:
            inside = not inside
        if sign != escape:
            escaped = False
        if quote == escape:
            escaped = False
        if sign == 0x0A and not inside:
            found.append(place + 1)
    return found


def toggled(data: bytes) -> list[int]:
    """csv whose escape is its quote: every quote toggles."""
    found, inside = [], False
    for place, sign in enumerate(data):
        inside ^= sign == 0x22
        if sign == 0x0A and not inside:
            found.append(place + 1)
    return found


def expected(data: bytes, dialect: Dialect) -> list[int]:
    return toggled(data) if dialect is CSV else ends(data, dialect)


@DIALECTS
@given(data=BYTES, cuts=st.lists(st.integers(0, 200), max_size=4))
@settings(max_examples=400, deadline=None)
def test_rows_are_counted_as_the_server_counts_them_however_the_data_comes(dialect, data, cuts):
    scanner, counted = rows_of(dialect), 0
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, end in itertools.pairwise(places):
        counted += scanner.advance(data, start, end)
    assert counted == len(expected(data, dialect))
    assert scanner.between_rows(data, len(data)) == (bool(data) and len(data) in expected(data, dialect))


@DIALECTS
@given(data=BYTES, first=st.integers(0, 200))
@settings(max_examples=400, deadline=None)
def test_the_next_row_ends_where_the_server_ends_it(dialect, data, first):
    first = min(first, len(data))
    scanner = rows_of(dialect)
    scanner.advance(data, 0, first)
    later = [end for end in expected(data, dialect) if end > first]
    assert scanner.row_end(data, first, len(data)) == (later[0] if later else -1)


@DIALECTS
@given(data=BYTES, rows=st.integers(1, 9), size=st.integers(1, 60), block=st.sampled_from([1, 3, 16]))
@settings(max_examples=400, deadline=None)
def test_cuts_are_whole_rows_and_together_the_file(dialect, data, rows, size, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "BLOCK", block)
        patch.setattr(cutter, "PIECE", 7)
        cuts = every(Cutter(io.BytesIO(data), partial(rows_of, dialect), limits=(rows, size)))
        places = expected(data, dialect)
        assert b"".join(cut.data for cut in cuts) == data
        assert all(cut.end in (*places, len(data)) for cut in cuts)
        unended = bool(data) and len(data) not in places
        assert sum(cut.rows for cut in cuts) == len(places) + unended
        assert [cut.last for cut in cuts] == [False] * (len(cuts) - 1) + [True] * bool(cuts)
        assert [cut.block + cut.blocks for cut in cuts[:-1]] == [cut.block for cut in cuts[1:]]


@DIALECTS
@given(data=BYTES, kept=st.sets(st.integers(0, 30)), again=st.integers(1, 9))
@settings(max_examples=300, deadline=None)
def test_what_is_left_of_a_file_is_cut_to_fit_what_is_in(dialect, data, kept, again):
    """Some batches of a first run are in; a second one, with other limits, fills the gaps and nothing else."""
    scanner: Callable[[], Rows] = partial(rows_of, dialect)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutter, "BLOCK", 5)
        first = every(Cutter(io.BytesIO(data), scanner, limits=(2, 10)))
        there = [cut for number, cut in enumerate(first) if number in kept]
        found = list(there)
        second = Cutter(io.BytesIO(data), scanner, limits=(again, 100))
        block = 0
        ahead = list(there)
        while True:
            if ahead and ahead[0].block == block:
                passed = ahead.pop(0)
                second.skip(passed.size)
                block += passed.blocks
                continue
            cut = second.cut(ahead[0].block if ahead else None)
            if cut is None:
                break
            found.append(cut)
            block = cut.block + cut.blocks
        assert b"".join(cut.data for cut in sorted(found, key=lambda cut: cut.offset)) == data


def every(one: Cutter) -> list[Cut]:
    found = []
    while (cut := one.cut()) is not None:
        found.append(cut)
    return found


def test_a_row_larger_than_a_batch_goes_alone():
    data = b"a\n" + b"x" * 300_000 + b"\n" + b"b\n" * 5
    cuts = every(Cutter(io.BytesIO(data), partial(rows_of, CSV), limits=(3, 1000)))
    assert [cut.rows for cut in cuts] == [2, 5]
    assert b"".join(cut.data for cut in cuts) == data


def test_a_row_that_never_ends_is_given_up_before_it_fills_the_memory(monkeypatch):
    monkeypatch.setattr(cutter, "LONGEST_ROW", 1 << 20)
    data = b"1,a\n" * 20_000 + b'2,"' + b"never closed\n" * 200_000
    one = Cutter(io.BytesIO(data), partial(rows_of, CSV), limits=(10_000, 1 << 20))
    with pytest.raises(RowWithoutEnd) as found:
        every(one)
    assert 0 < found.value.offset <= 80_000


@pytest.mark.parametrize(
    ("head", "newline"),
    [(b"a,b\r\n1,2\r\n", b"\n"), (b"a\nb\r", b"\n"), (b'"a\rb",c\n', b"\n"), (b"a\rb\r", b"\r"), (b"", b"\n")],
)
def test_what_ends_lines_is_found_outside_quotes(head, newline):
    assert newline_of(head, CSV) == newline
