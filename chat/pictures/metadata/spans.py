"""Spans of bytes: which parts of some are outside of all others, and which lies in which.

A span is (start, end), the end not included. A file may have 200,000 boxes and 4,096 extents, so
neither question may cost their product.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

Span = tuple[int, int]


def gaps(places: Sequence[Span], taken: Sequence[Span]) -> Iterator[Span]:
    """The parts of `places` that no span of `taken` covers, none of them empty.

    Args:
        places: in any order.
        taken: in any order; they may overlap.
    """
    apart = _merged(taken)
    ends = [end for _, end in apart]
    for at, end in places:
        for index in range(bisect_right(ends, at), len(apart)):
            start, stop = apart[index]
            if start >= end:
                break
            if at < start:
                yield at, start
            at = stop
        if at < end:
            yield at, end


def _merged(spans: Sequence[Span]) -> list[Span]:
    """The same bytes as spans that are in order and do not touch."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        elif start < end:
            merged.append((start, end))
    return merged


class Places:
    """Spans that do not overlap, to be asked which bytes are within one of them."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = sorted(spans)
        self._starts = [start for start, _ in self._spans]

    def hold(self, start: int, end: int) -> bool:
        """Whether all these bytes are within one of the spans."""
        index = bisect_right(self._starts, start) - 1
        return index >= 0 and end <= self._spans[index][1]
