"""Undo of one's own edits in a text that others edit too. Pure.

Each step is the inverse of what was typed. A change of somebody else is carried past all steps,
so undoing takes back what this user did and nothing of theirs. Letters typed in one go (less than
`GROUP_SECONDS` apart) are one step.
"""

from tui.limits import NOTES_UNDO_STEPS
from tui.notes import delta as deltas
from tui.notes.delta import Delta

GROUP_SECONDS = 1.0


class Undo:
    """Steps back and forth; the last one of each list applies to the text as it is."""

    def __init__(self) -> None:
        self._back: list[Delta] = []
        self._forth: list[Delta] = []
        self._last = float("-inf")

    def edited(self, change: Delta, before: str, now: float) -> None:
        """The user changed `before`; `now` in seconds."""
        inverse = deltas.invert(change, before)
        if self._back and now - self._last < GROUP_SECONDS:
            self._back[-1] = deltas.compose(inverse, self._back[-1])
        else:
            self._back.append(inverse)
            del self._back[:-NOTES_UNDO_STEPS]
        self._forth.clear()
        self._last = now

    def remote(self, change: Delta) -> None:
        """Somebody else changed the text."""
        if deltas.is_identity(change):
            return
        self._back = _carry(self._back, change)
        self._forth = _carry(self._forth, change)
        self._last = float("-inf")

    def undo(self, text: str) -> Delta | None:
        """The change that takes the last step back, None when there is none."""
        return self._step(self._back, self._forth, text)

    def redo(self, text: str) -> Delta | None:
        """The change that does it again."""
        return self._step(self._forth, self._back, text)

    def _step(self, source: list[Delta], target: list[Delta], text: str) -> Delta | None:
        self._last = float("-inf")
        while source:
            change = source.pop()
            if not deltas.is_identity(change):
                target.append(deltas.invert(change, text))
                return change
        return None


def _carry(steps: list[Delta], change: Delta) -> list[Delta]:
    """Steps that applied before `change` as steps that apply after it."""
    carried: list[Delta] = []
    for step in reversed(steps):
        moved, change = deltas.transform(step, change)
        carried.append(moved)
    return carried[::-1]
