"""Spans of bytes, against the same said byte by byte."""

from hypothesis import given
from hypothesis import strategies as st

from chat.pictures.metadata.spans import Places, Span, gaps

END = 24
SPANS = st.lists(
    st.tuples(st.integers(0, END), st.integers(0, END)).map(lambda two: _in_order(*two))
)


def _in_order(one: int, other: int) -> Span:
    return min(one, other), max(one, other)


def covered(spans: list[Span]) -> set[int]:
    return {byte for start, end in spans for byte in range(start, end)}


@given(SPANS, SPANS)
def test_gaps_are_the_bytes_that_nothing_takes(places: list[Span], taken: list[Span]) -> None:
    found = list(gaps(places, taken))
    assert covered(found) == covered(places) - covered(taken)
    assert all(start < end for start, end in found)


@given(st.lists(st.integers(0, END), unique=True), st.integers(0, END), st.integers(0, END))
def test_what_is_held_is_within_one_place(edges: list[int], one: int, other: int) -> None:
    edges.sort()
    places = list(zip(edges[::2], edges[1::2], strict=False))
    start, end = _in_order(one, other)
    within = any(first <= start and end <= last for first, last in places)
    assert Places(places).hold(start, end) == within


def test_many_boxes_and_many_items_do_not_cost_their_product() -> None:
    """Ten thousand million comparisons would take minutes; the suite's time limit would tell."""
    places = [(at, at + 6) for at in range(0, 2_000_000, 10)]
    taken = [(at + 2, at + 4) for at in range(0, 500_000, 10)]
    assert len(list(gaps(places, taken))) == len(places) + len(taken)
