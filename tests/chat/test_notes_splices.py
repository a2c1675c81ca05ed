"""Changes of a text: found, put together, and carried past those of others."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.notes.splices import Hunk, apply, carried, difference, hunks_of

words = st.text("ab\n ", max_size=30)
BASE = "".join(map(chr, range(0x4E00, 0x4E14)))


@given(words, words)
def test_a_difference_makes_the_new_text(old: str, new: str) -> None:
    hunks = difference(old, new)
    assert apply(hunks, old) == new
    assert all(start < end or text for start, end, text in hunks)
    assert all(a[1] <= b[0] for a, b in pairwise(hunks))


def test_a_difference_is_small() -> None:
    lines = [f"line {number}\n" for number in range(100)]
    changed = [*lines[:10], "new\n", *lines[10:50], "line fifty\n", *lines[51:]]
    hunks = difference("".join(lines), "".join(changed))
    assert sum(end - start + len(text) for start, end, text in hunks) < 20
    assert difference("same", "same") == []


@given(words, st.data())
def test_splices_are_one_change(text: str, data: st.DataObject) -> None:
    now, made = text, []
    for _ in range(data.draw(st.integers(0, 6))):
        index = data.draw(st.integers(0, len(now)))
        deleted = data.draw(st.integers(0, len(now) - index))
        inserted = data.draw(st.text("xyz", max_size=3))
        made.append((index, deleted, inserted))
        now = now[:index] + inserted + now[index + deleted :]
    assert apply(hunks_of(made, len(text)), text) == now


@pytest.mark.parametrize("splice", [(4, 0, "x"), (0, 4, ""), (-1, 0, "x"), (0, -1, "x")])
def test_splices_outside_the_text_are_refused(splice: tuple[int, int, str]) -> None:
    with pytest.raises(ValueError, match="splice"):
        hunks_of([splice], 3)


@st.composite
def changes(draw: st.DrawFn, letter: str) -> list[Hunk]:
    """Hunks of BASE whose insertions can be told apart."""
    places = sorted(draw(st.lists(st.integers(0, len(BASE)), max_size=8)))
    made = []
    for start, end in zip(places[::2], places[1::2], strict=False):
        text = letter * draw(st.integers(0, 2))
        if start < end or text:
            made.append((start, end, text))
    return made


@given(changes("m"), changes("t"))
def test_carried_changes_lose_nothing(mine: list[Hunk], theirs: list[Hunk]) -> None:
    after = apply(carried(mine, theirs), apply(theirs, BASE))
    assert after.count("m") == apply(mine, BASE).count("m")
    assert after.count("t") == apply(theirs, BASE).count("t")
    kept = [each for each in BASE if each in apply(mine, BASE) and each in apply(theirs, BASE)]
    assert [each for each in after if each in BASE] == kept
    assert carried(mine, []) == [hunk for hunk in mine if hunk[0] < hunk[1] or hunk[2]]


@given(changes("m"), changes("t"))
def test_carried_changes_are_in_order(mine: list[Hunk], theirs: list[Hunk]) -> None:
    moved = carried(mine, theirs)
    assert all(a[1] <= b[0] for a, b in pairwise(moved))
    assert all(0 <= start <= end for start, end, _ in moved)
