"""Wrapping by terminal cells.

Greedy, as every chat does it: a line takes words until the next does not fit; a word longer
than a line is cut between graphemes. The spaces at a break belong to no line. Two ways through
the same rule: `str.rfind` when every character is one cell wide (most messages; 0.3 us), else
over graphemes with their widths. A property test holds them equal.

`wrap` gives spans of the text, not texts, so that styles can be cut at the same places;
`count` gives their number without making them, for messages that nobody looks at yet.
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

from rich.cells import cell_len, get_character_cell_size, split_graphemes

Span = tuple[int, int]
"""Start and end index in the text."""

_NARROW = frozenset(
    chr(point)
    for start, end in (
        (0x20, 0x7F),
        (0xA0, 0xAD),
        (0xAE, 0x300),
        (0x370, 0x483),
        (0x2010, 0x2028),
        (0x2500, 0x25FD),
        (0x2800, 0x2900),
    )
    for point in range(start, end)
)


def _is_narrow(text: str) -> bool:
    return text.isascii() or _NARROW.issuperset(text)


def width_of(text: str) -> int:
    """Cells that `text` takes."""
    return len(text) if text.isascii() else cell_len(text)


def wrap(text: str, width: int) -> list[Span]:
    """Spans of the lines of `text`, which has no line ends; at least one span.

    A grapheme wider than `width` still gets a line of its own.
    """
    assert width > 0
    if len(text) <= width and _is_narrow(text):
        return [(0, len(text))]
    return _wrap_narrow(text, width) if _is_narrow(text) else _wrap_wide(text, width)


def count(text: str, width: int) -> int:
    """How many lines `wrap` would give."""
    if _is_narrow(text):
        return 1 if len(text) <= width else _count_narrow(text, width)
    return 1 if 2 * len(text) <= width else len(_wrap_wide(text, width))


def _count_narrow(text: str, width: int) -> int:
    lines = 0
    start = 0
    length = len(text)
    rfind = text.rfind
    while length - start > width:
        lines += 1
        cut = rfind(" ", start, start + width + 1)
        if cut <= start or text[start:cut].isspace():
            start += width
            continue
        start = cut + 1
        while start < length and text[start] == " ":
            start += 1
    return lines + (start < length)


def _wrap_narrow(text: str, width: int) -> list[Span]:
    spans: list[Span] = []
    start = 0
    length = len(text)
    while length - start > width:
        cut = text.rfind(" ", start, start + width + 1)
        if cut <= start or text[start:cut].isspace():
            spans.append((start, start + width))
            start += width
            continue
        spans.append((start, cut))
        start = cut + 1
        while start < length and text[start] == " ":
            start += 1
    if start < length:
        spans.append((start, length))
    return spans


@lru_cache(2048)
def _wrap_wide(text: str, width: int) -> list[Span]:
    starts, edges = _measured(text)
    spans: list[Span] = []
    first = 0
    total = len(starts) - 1
    while edges[-1] - edges[first] > width:
        # The first grapheme that no longer fits; at least one is taken.
        stop = max(bisect_right(edges, edges[first] + width) - 1, first + 1)
        cut = min(stop, total - 1)
        while cut > first and text[starts[cut] : starts[cut + 1]] != " ":
            cut -= 1
        if cut <= first or text[starts[first] : starts[cut]].isspace():
            spans.append((starts[first], starts[stop]))
            first = stop
        else:
            spans.append((starts[first], starts[cut]))
            first = cut + 1
            while first < total and text[starts[first] : starts[first + 1]] == " ":
                first += 1
        if first >= total:
            return spans
    spans.append((starts[first], len(text)))
    return spans


def _measured(text: str) -> tuple[Sequence[int], list[int]]:
    """Where each grapheme starts (and the end), and the cells before each (and all cells)."""
    if "\u200d" in text or "\ufe0f" in text:
        graphemes, _ = split_graphemes(text)
        starts = [start for start, _, _ in graphemes]
        widths = [cells for _, _, cells in graphemes]
        return [*starts, len(text)], [*accumulate(widths, initial=0)]
    # Without joiners every character has its own width; marks have none and stay with the
    # character before them, because a line takes all it can.
    narrow = _NARROW
    widths = [1 if c in narrow else get_character_cell_size(c) for c in text]
    return range(len(text) + 1), [*accumulate(widths, initial=0)]


def fit(text: str, width: int) -> str:
    """`text` cut to `width` cells, with an ellipsis when something is missing."""
    if width <= 0:
        return ""
    if width_of(text) <= width:
        return text
    kept = 0
    end = 0
    for start, stop, cells in split_graphemes(text)[0]:
        if kept + cells > width - 1:
            end = start
            break
        kept += cells
        end = stop
    return text[:end] + "…"


def pad(text: str, width: int) -> str:
    """`text` in exactly `width` cells."""
    text = fit(text, width)
    return text + " " * (width - width_of(text))


def between(left: str, right: str, width: int) -> str:
    """`left` and `right` at the two edges of `width` cells; `left` gives way."""
    room = width - width_of(right)
    return pad(left, room) + right if room > 0 else fit(right, width)
