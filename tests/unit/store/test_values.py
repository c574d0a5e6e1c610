"""What may go into text and jsonb."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from voyager.store.values import to_json, to_text

ANY_TEXT = st.text(st.characters(codec=None))  # surrogates too


@given(ANY_TEXT)
def test_no_text_is_refused_by_the_server(text: str) -> None:
    kept = to_text(text)
    assert "\0" not in kept
    kept.encode("utf-8")
    assert to_text(kept) == kept


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_ordinary_text_is_kept_as_it_is(text: str) -> None:
    assert to_text(text) == text


def test_what_json_does_not_know_becomes_text() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    value = {
        "at": at,
        "uuid": UUID(int=1),
        "path": Path("/x"),
        "set": {2, 1},
        "tuple": (1, None, float("nan")),
        3: True,
        "n\0": 1.5,
    }
    assert to_json(value) == {
        "at": "2026-01-02T00:00:00+00:00",
        "uuid": "00000000-0000-0000-0000-000000000001",
        "path": "/x",
        "set": [1, 2],
        "tuple": [1, None, None],
        "3": True,
        "n\ufffd": 1.5,
    }
