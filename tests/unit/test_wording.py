"""How counts and lists of names are said: verbs that agree with their number, a few names and how many more."""

from __future__ import annotations

import pytest

from voyager.wording import are, counted, named, were


@pytest.mark.parametrize(("count", "said"), [(0, "0 rows are, were"), (1, "1 row is, was"), (2, "2 rows are, were")])
def test_a_verb_agrees_with_what_is_counted(count: int, said: str) -> None:
    assert f"{counted(count, 'row')} {are(count)}, {were(count)}" == said


def test_a_few_names_are_told_and_how_many_more_there_are() -> None:
    assert named(["a"]) == "a"
    assert named("abcde") == "a, b, c, d, e"
    assert named("abcdefg") == "a, b, c, d, e and 2 more"
    assert named((str(number) for number in range(1003)), 2) == "0, 1 and 1,001 more"
