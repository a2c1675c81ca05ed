"""Changes of a text, found and carried past other changes. Pure; everything in code points.

A change is a list of hunks (start, end, text): this stretch of the old text becomes that text.
Hunks are in order and do not overlap, and all of them speak of the text before the change.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

Hunk = tuple[int, int, str]
Splice = tuple[int, int, str]
"""Index, code points deleted, text inserted."""


def apply(hunks: Sequence[Hunk], text: str) -> str:
    """The changed text."""
    parts: list[str] = []
    at = 0
    for start, end, inserted in hunks:
        parts += (text[at:start], inserted)
        at = end
    return "".join((*parts, text[at:]))


def difference(old: str, new: str) -> list[Hunk]:
    """A small change that makes `new` of `old`.

    Lines, and then words, that stand once in both texts are what stays (Bram Cohen's patience
    diff); what lies between them is compared from both ends. The texts may be hostile, so nothing
    here takes longer than sorting them.
    """
    start = _alike(old, new)
    end = _alike(old[start:][::-1], new[start:][::-1])
    middle = start, len(old) - end, start, len(new) - end
    hunks: list[Hunk] = []
    for lines in _between(old, new, middle, _LINES):
        for words in _between(old, new, lines, _WORDS):
            hunk = _trimmed(old, new, *words)
            if hunk[0] < hunk[1] or hunk[2]:
                hunks.append(hunk)
    return hunks


def _alike(old: str, new: str) -> int:
    """How long the beginnings are that two texts share, by halving."""
    low, high = 0, min(len(old), len(new))
    while low < high:
        middle = (low + high + 1) // 2
        if old[low:middle] == new[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
Region = tuple[int, int, int, int]
"""old[a:b] and new[c:d]."""


def _between(old: str, new: str, region: Region, token: re.Pattern[str]) -> Iterator[Region]:
    """The regions between the tokens that stand once on both sides, in the same order."""
    a, b, c, d = region
    once = _single(token, new, c, d)
    pairs = [(at, once[word]) for word, at in _single(token, old, a, b).items() if word in once]
    for here, there in _rising(pairs):
        size = len(token.match(old, here, b)[0])  # type: ignore[index]
        yield a, here, c, there
        a, c = here + size, there + size
    yield a, b, c, d


def _single(token: re.Pattern[str], text: str, start: int, end: int) -> dict[str, int]:
    """Where each token is that stands once in text[start:end], in order."""
    places: dict[str, int] = {}
    several = set()
    for match in token.finditer(text, start, end):
        if match[0] in places:
            several.add(match[0])
        else:
            places[match[0]] = match.start()
    return {word: at for word, at in places.items() if word not in several}


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest part of pairs (rising in the first) that rises in the second, too."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, there) in enumerate(pairs):
        length = bisect_left(ends, there)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [there]
        last[length : length + 1] = [index]
    found = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(pairs[index])
        index = before[index]
    return found[::-1]


def _trimmed(old: str, new: str, a: int, b: int, c: int, d: int) -> Hunk:
    """old[a:b] becomes new[c:d], without what both begin and end with."""
    while a < b and c < d and old[a] == new[c]:
        a, c = a + 1, c + 1
    while a < b and c < d and old[b - 1] == new[d - 1]:
        b, d = b - 1, d - 1
    return a, b, new[c:d]


def hunks_of(splices: Iterable[Splice], length: int) -> list[Hunk]:
    """Splices, each after the one before it, as one change of a text of `length` code points.

    Raises:
        ValueError: a splice lies outside the text.
    """
    pieces: list[tuple[int, int] | str] = [(0, length)]
    for index, deleted, inserted in splices:
        if index < 0 or deleted < 0:
            raise ValueError("a splice has a negative place")
        left, rest = _split(pieces, index)
        _, right = _split(rest, deleted)
        pieces = [*left, inserted, *right]
    hunks: list[Hunk] = []
    at, text = 0, ""
    for piece in [*pieces, (length, length)]:
        if isinstance(piece, str):
            text += piece
            continue
        if piece[0] > at or text:
            hunks.append((at, piece[0], text))
        at, text = piece[1], ""
    return hunks


def _split(
    pieces: list[tuple[int, int] | str], index: int
) -> tuple[list[tuple[int, int] | str], list[tuple[int, int] | str]]:
    """The pieces before and after a place."""
    left: list[tuple[int, int] | str] = []
    for number, piece in enumerate(pieces):
        size = len(piece) if isinstance(piece, str) else piece[1] - piece[0]
        if index > size:
            left.append(piece)
            index -= size
            continue
        rest = pieces[number + 1 :]
        if isinstance(piece, str):
            return [*left, piece[:index]], [piece[index:], *rest]
        middle = piece[0] + index
        return [*left, (piece[0], middle)], [(middle, piece[1]), *rest]
    if index:
        raise ValueError("a splice lies outside the text")
    return left, []


def carried(mine: Sequence[Hunk], theirs: Sequence[Hunk]) -> list[Hunk]:
    """`mine`, made before `theirs`, as a change of the text after `theirs`.

    Deleted is what was there when I deleted it: what they put inside stays. Where both insert at
    one place, mine comes first: so it stays with what I wrote before it, and theirs with theirs.
    """
    moved: list[Hunk] = []
    for start, end, text in mine:
        stretches = _survivors(start, end, theirs)
        if text and not stretches:
            place = _moved(start, theirs)
            moved.append((place, place, text))
        for low, high in stretches:
            moved.append((low, high, text))
            text = ""
    return moved


def _moved(place: int, theirs: Sequence[Hunk]) -> int:
    shift = 0
    for start, end, text in theirs:
        if place <= start:
            break
        if place < end:
            return start + shift + len(text)
        shift += len(text) - (end - start)
    return place + shift


def _survivors(start: int, end: int, theirs: Sequence[Hunk]) -> list[tuple[int, int]]:
    """Where the parts of old[start:end] are that they left in place."""
    parts: list[tuple[int, int]] = []
    at, shift = start, 0
    for low, high, text in theirs:
        if low >= end:
            break
        if low > at:
            parts.append((at + shift, low + shift))
        at = max(at, high)
        shift += len(text) - (high - low)
    if at < end:
        parts.append((at + shift, end + shift))
    return parts
