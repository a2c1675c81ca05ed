"""Changes of a text as values that can be composed and carried past each other. Pure.

A delta is a tuple read from the front of the text: a positive number keeps so many code points, a
negative one deletes so many, a string is inserted. This is the form of operational transformation
that ot.js and ShareJS made popular (Ellis and Gibbs, SIGMOD 1989; the transformation property
TP1 suffices here because one node decides the order). The properties are tests:

    apply(compose(a, b), text)      == apply(b, apply(a, text))
    apply(a', apply(b, text))       == apply(b', apply(a, text))      where a', b' = transform(a, b)
    apply(invert(a, text), apply(a, text)) == text
    apply(diff(old, new), old)      == new
"""

from collections.abc import Iterable
from difflib import SequenceMatcher

Delta = tuple[int | str, ...]
Splice = tuple[int, int, str]
"""Index, code points deleted, text inserted."""

LETTERS_COMPARED = 4096
"""Up to here a changed region is compared letter by letter, beyond by lines only."""


def _build(parts: Iterable[int | str]) -> Delta:
    """Join equal neighbours, drop empty parts, put insertions before deletions."""
    made: list[int | str] = []
    for part in parts:
        if not part:
            continue
        last = made[-1] if made else 0
        if isinstance(part, str):
            if isinstance(last, str) and last:
                made[-1] = last + part
            elif isinstance(last, int) and last < 0:
                before = made[-2] if len(made) > 1 else 0
                if isinstance(before, str):
                    made[-2] = before + part
                else:
                    made.insert(-1, part)
            else:
                made.append(part)
        elif isinstance(last, int) and last and (last > 0) == (part > 0):
            made[-1] = last + part
        else:
            made.append(part)
    return tuple(made)


def identity(length: int) -> Delta:
    """No change of a text of `length` code points."""
    return (length,) if length else ()


def is_identity(delta: Delta) -> bool:
    return all(isinstance(part, int) and part > 0 for part in delta)


def splice(length: int, index: int, deleted: int, inserted: str) -> Delta:
    """One splice of a text of `length` code points."""
    return _build((index, inserted, -deleted, length - index - deleted))


def length_before(delta: Delta) -> int:
    """Code points of the text a delta applies to."""
    return sum(abs(part) for part in delta if isinstance(part, int))


def apply(delta: Delta, text: str) -> str:
    """The changed text."""
    assert length_before(delta) == len(text)
    made: list[str] = []
    at = 0
    for part in delta:
        if isinstance(part, str):
            made.append(part)
        else:
            if part > 0:
                made.append(text[at : at + part])
            at += abs(part)
    return "".join(made)


def invert(delta: Delta, text: str) -> Delta:
    """The delta that brings `text` back from its change."""
    made: list[int | str] = []
    at = 0
    for part in delta:
        if isinstance(part, str):
            made.append(-len(part))
        elif part > 0:
            made.append(part)
            at += part
        else:
            made.append(text[at : at - part])
            at -= part
    return _build(made)


class _Parts:
    """The parts of a delta, taken piece by piece."""

    def __init__(self, delta: Delta) -> None:
        self._parts = list(reversed(delta))

    @property
    def head(self) -> int | str | None:
        return self._parts[-1] if self._parts else None

    def take(self, count: int) -> int | str:
        """Up to `count` code points of the head."""
        part = self._parts.pop()
        if isinstance(part, str):
            if len(part) > count:
                self._parts.append(part[count:])
            return part[:count]
        if abs(part) > count:
            sign = 1 if part > 0 else -1
            self._parts.append(part - sign * count)
            return sign * count
        return part

    def pop(self) -> int | str:
        return self._parts.pop()


def _size(part: int | str) -> int:
    return len(part) if isinstance(part, str) else abs(part)


def compose(first: Delta, second: Delta) -> Delta:
    """One delta that does `first`, then `second`."""
    a, b = _Parts(first), _Parts(second)
    made: list[int | str] = []
    while True:
        one, two = a.head, b.head
        if isinstance(one, int) and one < 0:
            made.append(a.pop())
        elif isinstance(two, str):
            made.append(b.pop())
        elif one is None or two is None:
            assert one is None
            assert two is None
            return _build(made)
        else:
            size = min(_size(one), _size(two))
            kept, what = a.take(size), b.take(size)
            assert isinstance(what, int)
            if what > 0:
                made.append(kept)
            elif isinstance(kept, int):
                made.append(what)


def transform(a: Delta, b: Delta) -> tuple[Delta, Delta]:
    """(a', b'): `a` for the text that `b` changed, and `b` for the text that `a` changed.

    Where both insert at one place, `b`'s text comes first.
    """
    one, two = _Parts(a), _Parts(b)
    made_a: list[int | str] = []
    made_b: list[int | str] = []
    while True:
        first, second = one.head, two.head
        if isinstance(second, str):
            made_a.append(len(second))
            made_b.append(two.pop())
        elif isinstance(first, str):
            made_b.append(len(first))
            made_a.append(one.pop())
        elif first is None or second is None:
            assert first is None
            assert second is None
            return _build(made_a), _build(made_b)
        else:
            size = min(abs(first), abs(second))
            what_a, what_b = one.take(size), two.take(size)
            assert isinstance(what_a, int)
            assert isinstance(what_b, int)
            if what_b > 0:
                made_a.append(what_a)
            if what_a > 0:
                made_b.append(what_b)


def diff(old: str, new: str) -> Delta:
    """A delta from `old` to `new`; separate changes stay separate, so cursors stay put."""
    limit = min(len(old), len(new))
    start = 0
    while start < limit and old[start] == new[start]:
        start += 1
    end = 0
    while end < limit - start and old[-1 - end] == new[-1 - end]:
        end += 1
    middle = _compare(old[start : len(old) - end], new[start : len(new) - end])
    return _build((start, *middle, end))


def _compare(old: str, new: str) -> Delta:
    if not old or not new:
        return _build((new, -len(old)))
    if len(old) + len(new) <= LETTERS_COMPARED:
        return _matched(old, new, old, new)
    lines_old, lines_new = old.splitlines(keepends=True), new.splitlines(keepends=True)
    return _matched(old, new, lines_old, lines_new)


def _matched(old: str, new: str, a: str | list[str], b: str | list[str]) -> Delta:
    """Compare two sequences whose joined items are `old` and `new`."""
    made: list[int | str] = []
    for kind, a_start, a_end, b_start, b_end in SequenceMatcher(None, a, b, False).get_opcodes():
        removed = sum(map(len, a[a_start:a_end]))
        if kind == "equal":
            made.append(removed)
        else:
            made += ["".join(b[b_start:b_end]), -removed]
    return _build(made)


def splices(delta: Delta) -> tuple[Splice, ...]:
    """The delta as splices, each after the one before it."""
    made: list[Splice] = []
    at = 0
    inserted = ""
    for part in (*delta, 0):
        if isinstance(part, str):
            inserted = part
        elif part < 0:
            made.append((at, -part, inserted))
            at += len(inserted)
            inserted = ""
        else:
            if inserted:
                made.append((at, 0, inserted))
                at += len(inserted)
                inserted = ""
            at += part
    return tuple(made)


def map_index(delta: Delta, index: int) -> int:
    """Where a cursor at `index` is afterwards; text inserted at the cursor goes behind it."""
    at = 0
    moved = index
    for part in delta:
        if isinstance(part, str):
            if at < index:
                moved += len(part)
        elif part > 0:
            at += part
        else:
            moved -= min(-part, max(index - at, 0))
            at -= part
        if at > index:
            break
    return moved
