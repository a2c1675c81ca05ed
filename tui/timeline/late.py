"""Messages that merged into the past while the reader looked elsewhere. Pure.

A message of somebody who was cut off for a while goes where it belongs, which may be far above what
is on screen. So that nobody misses it, it is counted until it was in view.
"""

from collections.abc import Iterable

from chat.model import Message
from tui.timeline.sheet import Sheet


class LateArrivals:
    """Ids of late arrivals that were not in view yet."""

    def __init__(self) -> None:
        self._missed: set[str] = set()

    def __len__(self) -> int:
        return len(self._missed)

    def take(self, messages: Iterable[Message]) -> None:
        """Messages that are new here."""
        self._missed.update(m.id for m in messages if m.late and not m.mine)

    def seen(self, shown: Iterable[str]) -> None:
        """These are in view."""
        self._missed.difference_update(shown)

    def clear(self) -> None:
        """Another channel is shown."""
        self._missed.clear()

    def newest(self, sheet: Sheet) -> str | None:
        """The lowest of them in a sheet; those outside of it are forgotten."""
        self._missed.intersection_update(each for each in self._missed if each in sheet)
        places = ((sheet.index(each) or 0, each) for each in self._missed)
        return max(places, default=(0, None))[1]
