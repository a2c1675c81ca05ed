"""The loaded part of a channel's timeline as one long sheet of rows. Pure.

Messages are kept in order, with their heights and the prefix sums of the heights, so that a row
is found by bisection and the whole height is one number. All heights are exact (they come from
`text.layout.height`), which is what keeps the view still while rows come in above it.

Costs at 100,000 messages: load 0.3 s, find a row 1 us, append 2 us, insert anywhere 2 ms (three
C-speed list moves and one `accumulate`), and a page of 200 in one gap costs the same as one.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from chat.model import Message

Measure = Callable[[Message, Message | None], int]
"""Rows of a message after its predecessor."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row of the sheet: the message at `index` and the row inside it."""

    index: int
    row: int


class Anchor(NamedTuple):
    """A row by its message; it survives every change of the sheet.

    `row` counts from the message's first row, `below` to the end of its last.
    """

    message: Message
    row: int
    below: int


class Sheet:
    """Messages in order, and where their rows are. `lead` rows stand above the first message."""

    def __init__(self, measure: Measure, lead: int = 0) -> None:
        self._measure = measure
        self.lead = lead
        self._messages: list[Message] = []
        self._orders: list[str] = []
        self._heights: list[int] = []
        self._ends: list[int] = []
        self._index: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def __getitem__(self, index: int) -> Message:
        return self._messages[index]

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._index

    @property
    def total(self) -> int:
        """All rows."""
        return self.lead + (self._ends[-1] if self._ends else 0)

    @property
    def first(self) -> Message | None:
        return self._messages[0] if self._messages else None

    @property
    def last(self) -> Message | None:
        return self._messages[-1] if self._messages else None

    def index(self, message_id: str) -> int | None:
        """Where a message is, None when it is not loaded."""
        order = self._index.get(message_id)
        return None if order is None else bisect_left(self._orders, order)

    def get(self, message_id: str) -> Message | None:
        index = self.index(message_id)
        return None if index is None else self._messages[index]

    def previous(self, index: int) -> Message | None:
        return self._messages[index - 1] if index else None

    def top(self, index: int) -> int:
        """The first row of the message at `index`; of the end, for one past the last."""
        return self.lead + (self._ends[index - 1] if index else 0)

    def height(self, index: int) -> int:
        return self._heights[index]

    def find(self, row: int) -> Place | None:
        """The message a row belongs to; None above the first and below the last."""
        if row < self.lead or row >= self.total:
            return None
        index = bisect_right(self._ends, row - self.lead)
        return Place(index, row - self.top(index))

    def anchor(self, row: int) -> Anchor | None:
        """A name for a row; the nearest message's when the row is outside."""
        if not self._messages:
            return None
        place = self.find(row)
        if place is None:
            index = 0 if row < self.lead else len(self._messages) - 1
            place = Place(index, row - self.top(index))
        below = self._heights[place.index] - place.row
        return Anchor(self._messages[place.index], place.row, below)

    def row_of(self, anchor: Anchor) -> int:
        """Where an anchor's row is now; the message's successor when it went away."""
        index = self.index(anchor.message.id)
        if index is None:
            index = bisect_left(self._orders, anchor.message.order)
            return self.top(index)
        if self._messages[index] is anchor.message:
            # Only its head can have changed, because a neighbour came: the text stays in place.
            return self.top(index + 1) - anchor.below
        return self.top(index) + anchor.row

    def load(self, messages: Iterable[Message]) -> None:
        """Replace everything."""
        unique = {message.id: message for message in messages}
        self._messages = sorted(unique.values(), key=lambda message: message.order)
        self._orders = [message.order for message in self._messages]
        self._index = {message.id: message.order for message in self._messages}
        self.measure_all()

    def measure_all(self) -> None:
        """Count every height again, after a change of width or of the unread line."""
        measure = self._measure
        previous: Message | None = None
        heights: list[int] = []
        for message in self._messages:
            heights.append(measure(message, previous))
            previous = message
        self._heights = heights
        self._ends = list(accumulate(heights))

    def measure_again(self, message_ids: Iterable[str]) -> None:
        """Count the heights of some messages again."""
        self._remeasure({i for i in map(self.index, message_ids) if i is not None})

    def merge(self, messages: Iterable[Message]) -> int:
        """Insert new messages in order and replace known ones; gives how many were new."""
        fresh: list[Message] = []
        touched: set[int] = set()
        for message in messages:
            if self._index.get(message.id) == message.order:
                index = bisect_left(self._orders, message.order)
                self._messages[index] = message
                touched.add(index)
            else:
                fresh.append(message)
        self._remeasure(touched)
        if fresh:
            fresh = sorted({m.id: m for m in fresh}.values(), key=lambda m: m.order)
            for run in self._runs(fresh):
                self._insert(run)
        return len(fresh)

    def _runs(self, fresh: list[Message]) -> list[list[Message]]:
        """New messages, those that fall into one gap together, from the last gap to the first."""
        runs: list[list[Message]] = []
        gap = -1
        for message in reversed(fresh):
            at = bisect_left(self._orders, message.order)
            if at != gap:
                runs.append([])
                gap = at
            runs[-1].append(message)
        return [run[::-1] for run in runs]

    def _insert(self, run: list[Message]) -> None:
        at = bisect_left(self._orders, run[0].order)
        self._messages[at:at] = run
        self._orders[at:at] = [message.order for message in run]
        self._index.update((message.id, message.order) for message in run)
        previous = self.previous(at)
        heights: list[int] = []
        for message in run:
            heights.append(self._measure(message, previous))
            previous = message
        self._heights[at:at] = heights
        after = at + len(run)
        if after < len(self._messages):
            self._heights[after] = self._measure(self._messages[after], previous)
        self._sum_from(at)

    def _remeasure(self, indices: set[int]) -> None:
        changed: list[int] = []
        for index in sorted(indices | {i + 1 for i in indices if i + 1 < len(self._messages)}):
            height = self._measure(self._messages[index], self.previous(index))
            if height != self._heights[index]:
                self._heights[index] = height
                changed.append(index)
        if changed:
            self._sum_from(changed[0])

    def _sum_from(self, index: int) -> None:
        start = self._ends[index - 1] if index else 0
        ends = accumulate(self._heights[index:], initial=start)
        next(ends)
        self._ends[index:] = ends
